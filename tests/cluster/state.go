package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// state is DIR/state.json: what runs, where it listens and who may call.
// It is written after every start and stop, so that an interrupted `up`
// leaves nothing that `down` does not find.
type state struct {
	// The processes; absent when not running.
	Etcd      *process `json:"etcd,omitempty"`
	APIServer *process `json:"apiServer,omitempty"`
	Proxy     *process `json:"proxy,omitempty"`
	// Ports survive a stop: the next start tries to get the same ones.
	Ports ports `json:"ports"`
	URLs  urls  `json:"urls"`
	// Kubectl is the client built with the server.
	Kubectl string `json:"kubectl"`
	Users   []user `json:"users"`
}

type ports struct {
	Etcd      []int `json:"etcd"`
	APIServer []int `json:"apiServer"`
	Proxy     []int `json:"proxy"`
}

type urls struct {
	APIServer    string `json:"apiServer"`
	Proxy        string `json:"proxy,omitempty"`
	ProxyControl string `json:"proxyControl,omitempty"`
}

func statePath(dir string) string { return filepath.Join(dir, "state.json") }

// loadState reads the state of an earlier `up`; none is an empty state.
func loadState(dir string) (*state, error) {
	data, err := os.ReadFile(statePath(dir))
	if errors.Is(err, os.ErrNotExist) {
		return &state{}, nil
	}
	if err != nil {
		return nil, err
	}
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("%s is damaged (%w): end the processes it names by hand and delete it", statePath(dir), err)
	}
	return &s, nil
}

func (s *state) save(dir string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	// 0600: it holds the users' tokens.
	return writeFile(statePath(dir), append(data, '\n'), 0o600)
}

// stopAPIServer and its fellows stop one process and forget it.
func (s *state) stopProxy() error {
	if err := s.Proxy.stop(2 * time.Second); err != nil {
		return err
	}
	s.Proxy, s.URLs.Proxy, s.URLs.ProxyControl = nil, "", ""
	return nil
}

func (s *state) stopAPIServer() error {
	// It drains open watches for long; all it knows is in etcd, so force is harmless.
	if err := s.APIServer.stop(5 * time.Second); err != nil {
		return err
	}
	s.APIServer = nil
	return nil
}

func (s *state) stopEtcd() error {
	if err := s.Etcd.stop(10 * time.Second); err != nil {
		return err
	}
	s.Etcd = nil
	return nil
}

// stopAll stops clients before their servers and goes on after an error.
func (s *state) stopAll() error {
	return errors.Join(s.stopProxy(), s.stopAPIServer(), s.stopEtcd())
}

// purge deletes what `up` wrote, by name: DIR may hold somebody else's files.
// The lock file goes last, by its holder.
func purge(dir string) error {
	var errs []error
	for _, pattern := range []string{"etcd", "certs", "etcd.log", "kube-apiserver.log", "proxy.log",
		"kubeconfig", "kubeconfig-*", "tokens.csv", "state.json"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		errs = append(errs, err)
		for _, path := range found {
			errs = append(errs, os.RemoveAll(path))
		}
	}
	return errors.Join(errs...)
}

// removeIfEmpty removes the folder when nothing but the lock file is left.
func removeIfEmpty(dir string) error {
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 1 || len(left) == 1 && left[0].Name() != lockName {
		return err
	}
	if err := os.Remove(filepath.Join(dir, lockName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Remove(dir)
}
