package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// program is one executable of the control plane and the package it is built from.
type program struct{ name, pkg string }

// programs in the order in which they are built.
var programs = []program{
	{"etcd", "go.etcd.io/etcd/server/v3"},
	{"kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"},
	{"kubectl", "k8s.io/kubernetes/cmd/kubectl"},
}

// recipe is part of the cache key: change it whenever the build flags change.
const recipe = "1: CGO_ENABLED=0 -trimpath -s -w"

// stampName is the file that says which key the cache's programs were built for.
const stampName = "built"

func runBuild(ctx context.Context, args []string, out, log io.Writer) error {
	fs := flag.NewFlagSet("cluster build", flag.ContinueOnError)
	cache := fs.String("cache", "", "`folder` for the programs (required)")
	source := fs.String("source", "", "`folder` of the controlplane module (found by itself inside a checkout)")
	if err := parse(fs, args, log, "cache"); err != nil {
		return err
	}
	dir, err := build(ctx, *cache, *source, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "control plane programs are in %s\n", dir)
	return nil
}

// build makes sure that the cache holds the programs and returns its absolute
// path. Two builds of one cache wait for each other.
func build(ctx context.Context, cache, source string, log io.Writer) (string, error) {
	cache, err := filepath.Abs(cache)
	if err != nil {
		return "", err
	}
	if source == "" {
		if source, err = findSource(); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(ctx, filepath.Join(cache, ".lock"), log)
	if err != nil {
		return "", err
	}
	defer unlock()
	key, version, err := cacheKey(ctx, source)
	if err != nil {
		return "", err
	}
	if upToDate(cache, key) {
		return cache, nil
	}
	return cache, buildAll(ctx, cache, source, key, version, log)
}

// buildAll compiles into a folder of its own and renames at the end, so that
// an interrupted build leaves the cache as it was or without a stamp: never
// half a program.
func buildAll(ctx context.Context, cache, source, key, version string, log io.Writer) error {
	leftovers, err := filepath.Glob(filepath.Join(cache, ".building-*"))
	if err != nil {
		return err
	}
	for _, dir := range leftovers {
		// We hold the cache's lock, so nobody builds there any more.
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	work, err := os.MkdirTemp(cache, ".building-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	fmt.Fprintf(log, "building the control plane (Kubernetes %s); the first time takes minutes\n", version)
	begin := time.Now()
	for _, p := range programs {
		if err := compile(ctx, p, filepath.Join(work, p.name), source, version, log); err != nil {
			return err
		}
	}
	stamp := filepath.Join(cache, stampName)
	if err := os.Remove(stamp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, p := range programs {
		if err := os.Rename(filepath.Join(work, p.name), filepath.Join(cache, p.name)); err != nil {
			return err
		}
	}
	if err := writeFile(stamp, []byte(key+"\n"), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(log, "control plane built in %s\n", time.Since(begin).Round(time.Second))
	return nil
}

// compile runs `go build` for one program, with a progress line every ten seconds.
func compile(ctx context.Context, p program, to, source, version string, log io.Writer) error {
	// Without the version stamped in, kubectl cannot parse the server's version.
	major, minor, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	ldflags := "-s -w"
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		ldflags += fmt.Sprintf(" -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=%[3]s -X %[1]s.gitMinor=%[4]s", pkg, version, major, minor)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false",
		"-ldflags", ldflags, "-o", to, p.pkg)
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot run go: %w; install Go %s or newer", err, strings.TrimPrefix(runtime.Version(), "go"))
	}
	begin := time.Now()
	var compiled, fetched atomic.Int64
	finished := make(chan struct{})
	go func() {
		tick := time.NewTicker(10 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-finished:
				return
			case <-tick.C:
				fmt.Fprintf(log, "  %s: %s, %d modules fetched, %d packages compiled\n",
					p.name, time.Since(begin).Round(time.Second), fetched.Load(), compiled.Load())
			}
		}
	}()
	var tail []string
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "go: downloading") {
			fetched.Add(1)
		} else {
			compiled.Add(1)
		}
		tail = append(tail, lines.Text())
		if len(tail) > 30 {
			tail = tail[1:]
		}
	}
	err = cmd.Wait()
	close(finished)
	if ctx.Err() != nil {
		return fmt.Errorf("building %s was interrupted", p.name)
	}
	if err != nil {
		return fmt.Errorf("building %s failed: %w; the last lines of go build:\n%s", p.name, err, strings.Join(tail, "\n"))
	}
	fmt.Fprintf(log, "  %s: done after %s\n", p.name, time.Since(begin).Round(time.Second))
	return nil
}

var kubernetesLine = regexp.MustCompile(`(?m)^\s*k8s\.io/kubernetes (v\S+)`)

// cacheKey names what the programs depend on, and the Kubernetes version.
func cacheKey(ctx context.Context, source string) (key, version string, err error) {
	sum := sha256.New()
	fmt.Fprintln(sum, recipe, programs)
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", "", err
		}
		if found := kubernetesLine.FindSubmatch(data); name == "go.mod" && found != nil {
			version = string(found[1])
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(data))
		sum.Write(data)
	}
	if version == "" {
		return "", "", fmt.Errorf("%s requires no k8s.io/kubernetes", filepath.Join(source, "go.mod"))
	}
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOOS", "GOARCH")
	cmd.Dir = source
	env, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("cannot run go: %w; install Go %s or newer", err, strings.TrimPrefix(runtime.Version(), "go"))
	}
	sum.Write(env)
	return hex.EncodeToString(sum.Sum(nil)), version, nil
}

// upToDate says whether the cache was completely built for this key.
func upToDate(cache, key string) bool {
	stamp, err := os.ReadFile(filepath.Join(cache, stampName))
	if err != nil || strings.TrimSpace(string(stamp)) != key {
		return false
	}
	for _, p := range programs {
		if info, err := os.Stat(filepath.Join(cache, p.name)); err != nil || info.Size() == 0 {
			return false
		}
	}
	return true
}

// findSource looks for the controlplane module: upwards from the working
// directory first, then where this command was compiled.
func findSource() (string, error) {
	var candidates []string
	if dir, err := os.Getwd(); err == nil {
		for ; ; dir = filepath.Dir(dir) {
			candidates = append(candidates, filepath.Join(dir, "controlplane"),
				filepath.Join(dir, "tests", "cluster", "controlplane"))
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	if _, file, _, ok := runtime.Caller(0); ok {
		candidates = append(candidates, filepath.Join(filepath.Dir(file), "controlplane"))
	}
	for _, dir := range candidates {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && kubernetesLine.Match(data) {
			return dir, nil
		}
	}
	return "", errors.New("cannot find tests/cluster/controlplane: run inside the checkout or name it with --source")
}

// lock takes an exclusive lock on a file and returns what gives it back. The
// kernel frees it when the process ends, however it ends.
func lock(ctx context.Context, path string, log io.Writer) (func(), error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for told := false; ; {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			file.Close()
			return nil, fmt.Errorf("cannot lock %s: %w", path, err)
		}
		if !told {
			fmt.Fprintf(log, "another cluster command works in %s; waiting for it\n", filepath.Dir(path))
			told = true
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, errors.New("interrupted")
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// writeFile replaces a file atomically: a reader sees the old or the new one.
func writeFile(path string, data []byte, mode os.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if _, err := file.Write(data); err != nil {
		file.Close()
		return err
	}
	if err := errors.Join(file.Chmod(mode), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
