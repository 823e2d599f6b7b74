package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// starter carries one `up` through its steps.
type starter struct {
	dir, cache string
	state      *state
	certs      certificates
	log        io.Writer
	// undo stops what this `up` started, should a later step fail.
	undo []func() error
}

func runUp(ctx context.Context, args []string, out, log io.Writer) error {
	fs := flag.NewFlagSet("cluster up", flag.ContinueOnError)
	cache := fs.String("cache", "", "`folder` with the programs, built if missing (required)")
	source := fs.String("source", "", "`folder` of the controlplane module (found by itself inside a checkout)")
	dirFlag := fs.String("dir", "", "`folder` for data, logs and kubeconfigs (required)")
	proxy := fs.Bool("proxy", false, "start the holding proxy too")
	fresh := fs.Bool("fresh", false, "stop what runs in DIR and begin with no data")
	var users userFlags
	fs.Var(&users, "user", "one more user, `NAME:GROUP,GROUP` (repeatable)")
	if err := parse(fs, args, log, "cache", "dir"); err != nil {
		return err
	}
	programs, err := build(ctx, *cache, *source, log)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(*dirFlag)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	unlock, err := lock(ctx, filepath.Join(dir, lockName), log)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := loadState(dir)
	if err != nil {
		return err
	}
	if *fresh {
		if err := errors.Join(s.stopAll(), purge(dir)); err != nil {
			return err
		}
		s = &state{}
	}
	begin := time.Now()
	u := &starter{dir: dir, cache: programs, state: s, log: log}
	if err := u.bringUp(ctx, users, *proxy); err != nil {
		for i := len(u.undo) - 1; i >= 0; i-- {
			err = errors.Join(err, u.undo[i]())
		}
		return errors.Join(err, s.save(dir))
	}
	u.report(out, time.Since(begin))
	return nil
}

// bringUp reuses what runs and starts what does not.
func (u *starter) bringUp(ctx context.Context, asked []user, proxy bool) error {
	s := u.state
	s.Kubectl = filepath.Join(u.cache, "kubectl")
	var usersChanged, certsChanged bool
	var err error
	s.Users, usersChanged = mergeUsers(s.Users, asked)
	if u.certs, certsChanged, err = ensureCertificates(filepath.Join(u.dir, "certs")); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(u.dir, "tokens.csv"), tokenFile(s.Users), 0o600); err != nil {
		return err
	}
	restart := usersChanged || certsChanged
	if !s.Etcd.alive() {
		restart = true
		if err := u.startEtcd(ctx); err != nil {
			return err
		}
	}
	if !restart && s.APIServer.alive() && u.ready(ctx, s.APIServer, 10*time.Second) != nil {
		fmt.Fprintln(u.log, "the API server runs but does not get ready; starting it anew")
		restart = true
	}
	if restart || !s.APIServer.alive() {
		before := s.URLs.APIServer
		if err := u.startAPIServer(ctx); err != nil {
			return err
		}
		certsChanged = certsChanged || s.URLs.APIServer != before
	}
	// A proxy that ran stays unless it points to a server that is gone.
	running := s.Proxy.alive()
	if running && certsChanged || !running && (proxy || s.Proxy != nil) {
		if err := u.startProxy(ctx); err != nil {
			return err
		}
	}
	if err := writeKubeconfigs(u.dir, s, u.certs.ca); err != nil {
		return err
	}
	return s.save(u.dir)
}

// launch starts one program with fresh ports until it answers; a port that
// somebody took between our look and the start is no reason to give up.
func (u *starter) launch(ctx context.Context, name string, portCount int, wanted *[]int, slot **process,
	args func(ports []int) (exe string, args []string), ready func(*process) error, stop func() error) error {
	for attempt := 1; ; attempt++ {
		ports, err := freePorts(portCount, *wanted)
		if err != nil {
			return err
		}
		exe, arguments := args(ports)
		p, err := spawn(exe, arguments, u.dir, filepath.Join(u.dir, name+".log"), ports...)
		if err != nil {
			return err
		}
		*slot, *wanted = p, ports
		if err := u.state.save(u.dir); err != nil {
			return errors.Join(err, stop())
		}
		failed := ready(p)
		if failed == nil {
			u.undo = append(u.undo, stop)
			return nil
		}
		tail := p.logTail(15)
		if err := stop(); err != nil {
			return errors.Join(failed, err)
		}
		if attempt < 3 && ctx.Err() == nil && strings.Contains(tail, "address already in use") {
			*wanted = nil
			continue
		}
		return fmt.Errorf("%s: %w; the end of %s:\n%s", name, failed, p.Log, tail)
	}
}

func (u *starter) report(out io.Writer, took time.Duration) {
	s := u.state
	how := "already runs"
	if len(u.undo) > 0 {
		how = fmt.Sprintf("is ready after %.1f s", took.Seconds())
	}
	fmt.Fprintf(out, "control plane %s\n", how)
	fmt.Fprintf(out, "  API server     %s\n", s.URLs.APIServer)
	if s.URLs.Proxy != "" {
		fmt.Fprintf(out, "  holding proxy  %s\n", s.URLs.Proxy)
		fmt.Fprintf(out, "  proxy control  %s\n", s.URLs.ProxyControl)
	}
	for _, user := range s.Users {
		fmt.Fprintf(out, "  user           %s (%s): %s\n", user.Name, strings.Join(user.Groups, ", "), kubeconfigPath(u.dir, user, false))
		if s.URLs.Proxy != "" {
			fmt.Fprintf(out, "                 through the proxy: %s\n", kubeconfigPath(u.dir, user, true))
		}
	}
	fmt.Fprintf(out, "next:\n  export KUBECONFIG=%s\n  %s get namespaces\nstop it:\n  cluster down --dir %s\n",
		kubeconfigPath(u.dir, s.Users[0], false), s.Kubectl, u.dir)
}
