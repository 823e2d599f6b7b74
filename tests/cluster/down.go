package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// lockName is the file in DIR that keeps two commands from working on it at once.
const lockName = ".lock"

func runDown(args []string, out, log io.Writer) error {
	fs := flag.NewFlagSet("cluster down", flag.ContinueOnError)
	dirFlag := fs.String("dir", "", "`folder` of the cluster (required)")
	purgeFlag := fs.Bool("purge", false, "delete its data, logs and kubeconfigs too")
	if err := parse(fs, args, log, "dir"); err != nil {
		return err
	}
	dir, err := filepath.Abs(*dirFlag)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(out, "nothing runs in %s\n", dir)
		return nil
	}
	// Not the signals' context: stopping half is worse than stopping late.
	unlock, err := lock(context.Background(), filepath.Join(dir, lockName), log)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := loadState(dir)
	if err != nil {
		return err
	}
	running := s.Etcd.alive() || s.APIServer.alive() || s.Proxy.alive()
	stopped := s.stopAll()
	if _, err := os.Stat(statePath(dir)); err == nil {
		stopped = errors.Join(stopped, s.save(dir))
	}
	if stopped != nil {
		return stopped
	}
	if running {
		fmt.Fprintf(out, "control plane in %s stopped\n", dir)
	} else {
		fmt.Fprintf(out, "nothing runs in %s\n", dir)
	}
	if !*purgeFlag {
		return nil
	}
	if err := errors.Join(purge(dir), removeIfEmpty(dir)); err != nil {
		return err
	}
	fmt.Fprintf(out, "its data is deleted\n")
	return nil
}
