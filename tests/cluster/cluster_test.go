package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cacheVariable names the folder with built programs; the test that starts a
// real control plane is skipped without it.
const cacheVariable = "CLUSTER_CACHE"

func TestMain(m *testing.M) {
	// `up` starts its own executable as the proxy; here that is this test.
	if len(os.Args) > 1 && os.Args[1] == "proxy" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestUsersAreParsedAndMerged(t *testing.T) {
	var flags userFlags
	for _, text := range []string{"operator:shop-operators,system:masters", "reader"} {
		if err := flags.Set(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"", ":group", "Upper:x", "admin:x", "proxy:x", "a-proxy:x", "a/b:x", `a:g"h`} {
		if err := flags.Set(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
	first, changed := mergeUsers(nil, flags)
	if !changed || len(first) != 3 || first[0].Name != adminName {
		t.Fatalf("first: %v %+v", changed, first)
	}
	again, changed := mergeUsers(first, flags[1:])
	if changed || string(tokenFile(again)) != string(tokenFile(first)) {
		t.Fatalf("the same users again: %v %+v", changed, again)
	}
	if _, changed = mergeUsers(first, []user{{Name: "reader", Groups: []string{"auditors"}}}); !changed {
		t.Fatal("a new group is no change")
	}
	lines := strings.Split(string(tokenFile(first)), "\n")
	if want := first[1].Token + `,operator,operator,"shop-operators,system:masters"`; lines[1] != want {
		t.Errorf("got %q, want %q", lines[1], want)
	}
	if want := first[2].Token + ",reader,reader"; lines[2] != want {
		t.Errorf("got %q, want %q", lines[2], want)
	}
}

func TestOnlyTheProcessThatWasStartedIsStopped(t *testing.T) {
	dir := t.TempDir()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("no sleep on this machine")
	}
	p, err := spawn(sleep, []string{"600"}, dir, filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []process{
		{Pid: p.Pid, Started: p.Started + 1, BootID: p.BootID, Exe: p.Exe},
		{Pid: p.Pid, Started: p.Started, BootID: "an earlier boot", Exe: p.Exe},
	} {
		if other.alive() {
			t.Errorf("%+v counts as alive", other)
		}
		if err := other.stop(time.Second); err != nil {
			t.Error(err)
		}
	}
	if !p.alive() {
		t.Fatal("a process that merely has the same pid was stopped")
	}
	if err := p.stop(10 * time.Second); err != nil || p.alive() {
		t.Fatalf("not stopped: %v", err)
	}
}

func TestACacheIsUpToDateOnlyWhenWhole(t *testing.T) {
	cache := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(cache, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(stampName, "key\n")
	for _, p := range programs {
		if upToDate(cache, "key") {
			t.Fatalf("up to date without %s", p.name)
		}
		write(p.name, "program")
	}
	if !upToDate(cache, "key") || upToDate(cache, "another key") {
		t.Fatal("the key does not decide")
	}
}

func TestTheKeyFollowsTheModules(t *testing.T) {
	source := t.TempDir()
	keys := map[string]bool{}
	for _, sums := range []string{"a", "b"} {
		for _, version := range []string{"v1.36.3", "v1.36.4"} {
			mod := "module x\n\ngo 1.26\n\nrequire (\n\tk8s.io/kubernetes " + version + "\n)\n"
			for name, text := range map[string]string{"go.mod": mod, "go.sum": sums} {
				if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			key, got, err := cacheKey(t.Context(), source)
			if err != nil || got != version {
				t.Fatalf("got %q, %v", got, err)
			}
			keys[key] = true
		}
	}
	if len(keys) != 4 {
		t.Fatalf("%d keys for four module sets", len(keys))
	}
}

func TestPurgeLeavesOthersFilesAlone(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"kubeconfig", "kubeconfig-a", "tokens.csv", "state.json", "mine.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(purge(dir), removeIfEmpty(dir)); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "mine.txt" {
		t.Fatalf("left: %v, %v", left, err)
	}
}

func TestWrongCommandLines(t *testing.T) {
	for _, args := range [][]string{
		{}, {"start"}, {"build"}, {"up", "--dir", "x"}, {"down"}, {"down", "--dir", "x", "y"}, {"up", "--user", "A"},
	} {
		if err := run(t.Context(), args, io.Discard, io.Discard); !errors.Is(err, errUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// TestUpAndDown starts a real control plane, twice, holds a write and stops it.
func TestUpAndDown(t *testing.T) {
	cache := os.Getenv(cacheVariable)
	if cache == "" {
		t.Skip("set " + cacheVariable + " to a folder filled by `cluster build`")
	}
	dir := filepath.Join(t.TempDir(), "cluster")
	command := func(args ...string) string {
		t.Helper()
		var out, log strings.Builder
		if err := run(context.Background(), args, &out, &log); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, log.String())
		}
		return out.String()
	}
	t.Cleanup(func() {
		// Its own context: the test's is over by now.
		if err := run(context.Background(), []string{"down", "--dir", dir, "--purge"}, io.Discard, io.Discard); err != nil {
			t.Error(err)
		}
	})
	up := []string{"up", "--cache", cache, "--dir", dir, "--proxy", "--user", "operator:shop-operators"}
	command(up...)
	first, err := loadState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if out := command(up...); !strings.Contains(out, "already runs") {
		t.Fatalf("the second up says %q", out)
	}
	kubectl := func(config string, args ...string) (string, error) {
		cmd := exec.Command(filepath.Join(cache, "kubectl"), args...)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(dir, config))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for config, want := range map[string]string{
		"kubeconfig": "yes", "kubeconfig-proxy": "yes", "kubeconfig-operator": "no", "kubeconfig-operator-proxy": "no",
	} {
		if out, _ := kubectl(config, "auth", "can-i", "create", "configmaps"); !strings.HasSuffix(strings.TrimSpace(out), want) {
			t.Errorf("%s: may create: %q, want %s", config, out, want)
		}
	}
	control := func(path, body string) (answer struct{ Caught bool }) {
		t.Helper()
		method, reader := http.MethodGet, io.Reader(nil)
		if body != "" {
			method, reader = http.MethodPost, strings.NewReader(body)
		}
		request, err := http.NewRequest(method, first.URLs.ProxyControl+path, reader)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode > 299 {
			t.Fatalf("%s: %s, %v", path, response.Status, err)
		}
		return answer
	}
	control("/holds", `{"method":"POST","path":"/configmaps$","when":"before"}`)
	created := make(chan error, 1)
	go func() {
		_, err := kubectl("kubeconfig-proxy", "create", "configmap", "held")
		created <- err
	}()
	if !control("/holds/1?wait=60s", "").Caught {
		t.Fatal("the write is not caught")
	}
	if out, err := kubectl("kubeconfig", "get", "configmap", "held"); err == nil {
		t.Fatalf("it is there before its release: %s", out)
	}
	control("/holds/1/release", `{"then":"deliver"}`)
	if err := <-created; err != nil {
		t.Fatal(err)
	}
	if out, err := kubectl("kubeconfig", "get", "configmap", "held"); err != nil {
		t.Fatalf("it is not there after its release: %s", out)
	}
	command("down", "--dir", dir)
	for _, p := range []*process{first.Etcd, first.APIServer, first.Proxy} {
		if p.alive() {
			t.Errorf("%s still runs", p.Exe)
		}
	}
}
