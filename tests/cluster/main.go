// Command cluster builds, starts and stops a Kubernetes control plane (etcd
// and kube-apiserver, no nodes, no containers) for tests, demos and people.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `cluster: a real Kubernetes control plane without containers

  cluster build --cache DIR                 build etcd, kube-apiserver and kubectl into DIR
  cluster up    --cache DIR --dir DIR       start it (or report the one that runs); build first if need be
                [--proxy]                   with the holding proxy in front of the API server
                [--user NAME:GROUP,GROUP]   one more user with a kubeconfig of its own (repeatable)
                [--fresh]                   throw the data of an earlier run away first
  cluster down  --dir DIR [--purge]         stop it; --purge deletes its data too
  cluster proxy ...                         the holding proxy itself; "up --proxy" starts it

"cluster <command> --help" lists a command's flags.
`

// errUsage marks a wrong command line: exit code 2 instead of 1.
var errUsage = errors.New("wrong usage")

func main() {
	// A first signal ends the work in order (what was started is stopped
	// again); a second one ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "cluster: %v\n", err)
		os.Exit(2)
	default:
		fmt.Fprintf(os.Stderr, "cluster: %v\n", err)
		os.Exit(1)
	}
}

// run dispatches a command line. Results go to out, progress to log.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(log, usage)
		return fmt.Errorf("%w: name a command", errUsage)
	}
	switch args[0] {
	case "build":
		return runBuild(ctx, args[1:], out, log)
	case "up":
		return runUp(ctx, args[1:], out, log)
	case "down":
		return runDown(args[1:], out, log)
	case "proxy":
		return runProxy(ctx, args[1:], log)
	case "help", "-h", "-help", "--help":
		fmt.Fprint(out, usage)
		return nil
	default:
		fmt.Fprint(log, usage)
		return fmt.Errorf("%w: there is no command %q", errUsage, args[0])
	}
}

// parse reads a command's flags; every flag in required must be given.
func parse(fs *flag.FlagSet, args []string, log io.Writer, required ...string) error {
	fs.SetOutput(log)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return fmt.Errorf("%w: %v", errUsage, err)
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("%w: %q is no flag of %q", errUsage, fs.Arg(0), fs.Name())
	}
	for _, name := range required {
		if fs.Lookup(name).Value.String() == "" {
			return fmt.Errorf("%w: %q needs --%s", errUsage, fs.Name(), name)
		}
	}
	return nil
}
