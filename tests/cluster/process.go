package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a detached process that this command started. A pid alone is
// not enough to know it again: pids are reused, so its start time and the
// boot in which it counts stand beside it.
type process struct {
	Pid int `json:"pid"`
	// Started is field 22 of /proc/PID/stat: clock ticks since boot.
	Started uint64 `json:"started"`
	BootID  string `json:"bootId"`
	Exe     string `json:"exe"`
	Log     string `json:"log"`
	Ports   []int  `json:"ports"`
}

// spawn starts a program in a session of its own, so that neither the end of
// this command nor a Ctrl-C in its terminal reaches it.
func spawn(exe string, args []string, dir, logFile string, ports ...int) (*process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	fmt.Fprintf(log, "--- %s: starting %s\n", time.Now().Format(time.RFC3339), filepath.Base(exe))
	cmd := exec.Command(exe, args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", exe, err)
	}
	started, _, err := procStat(cmd.Process.Pid)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot read the start time of %s: %w", exe, err), cmd.Process.Kill())
	}
	boot, err := bootID()
	if err != nil {
		return nil, errors.Join(err, cmd.Process.Kill())
	}
	return &process{Pid: cmd.Process.Pid, Started: started, BootID: boot, Exe: exe, Log: logFile, Ports: ports}, nil
}

// procStat returns a process's start time and its state letter.
func procStat(pid int) (started uint64, letter byte, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	// The second field is the name in parentheses and may hold blanks and
	// parentheses itself, so count from the last closing one.
	text := string(data)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return 0, 0, fmt.Errorf("/proc/%d/stat is cut short", pid)
	}
	started, err = strconv.ParseUint(fields[19], 10, 64)
	return started, fields[0][0], err
}

func bootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(data)), err
}

// alive says whether exactly this process still runs. A zombie does not: it
// only waits for a parent that may never ask.
func (p *process) alive() bool {
	if p == nil || p.Pid <= 0 {
		return false
	}
	if boot, err := bootID(); err != nil || boot != p.BootID {
		return false
	}
	started, letter, err := procStat(p.Pid)
	return err == nil && started == p.Started && letter != 'Z' && letter != 'X'
}

// stop ends this process and waits until it is gone: first by asking, after
// grace by force. It never signals a process that merely has the same pid.
func (p *process) stop(grace time.Duration) error {
	if p == nil {
		return nil
	}
	// The handle (a pidfd) is taken before the check: once the check passed, it
	// cannot come to mean another process.
	handle, err := os.FindProcess(p.Pid)
	if err != nil || !p.alive() {
		return nil
	}
	defer handle.Release()
	for _, step := range []struct {
		signal os.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, grace}, {syscall.SIGKILL, 10 * time.Second}} {
		if err := handle.Signal(step.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("cannot stop %s (pid %d): %w", filepath.Base(p.Exe), p.Pid, err)
		}
		for end := time.Now().Add(step.wait); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if !p.alive() {
				return nil
			}
		}
	}
	return fmt.Errorf("%s (pid %d) does not end, not even by SIGKILL", filepath.Base(p.Exe), p.Pid)
}

// logTail returns the last lines of the process's log, for error messages.
func (p *process) logTail(lines int) string {
	data, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// freePorts returns loopback ports for a process: the preferred ones if
// nobody listens there (clients may still hold kubeconfigs that name them),
// else any.
func freePorts(count int, preferred []int) ([]int, error) {
	if len(preferred) != count {
		preferred = make([]int, count)
	}
	var ports []int
	var listeners []net.Listener
	defer func() {
		for _, l := range listeners {
			l.Close()
		}
	}()
	for _, want := range preferred {
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", want))
		if err != nil && want != 0 {
			l, err = net.Listen("tcp4", "127.0.0.1:0")
		}
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, l)
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
