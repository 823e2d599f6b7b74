package holding

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait; no test takes that long unless it fails.
const patience = 20 * time.Second

// upstream stands in for the API server: it keeps every write it is sent.
type upstream struct {
	*httptest.Server
	mu     sync.Mutex
	writes []string
	// event is what a watch sends, one line each.
	event chan string
}

func newUpstream(t *testing.T) *upstream {
	u := &upstream{event: make(chan string)}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") == "true" {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			for {
				select {
				case line := <-u.event:
					fmt.Fprintln(w, line)
					w.(http.Flusher).Flush()
				case <-r.Context().Done():
					return
				}
			}
		}
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodGet {
			u.mu.Lock()
			u.writes = append(u.writes, r.Method+" "+r.URL.Path+" "+string(body))
			u.mu.Unlock()
		}
		w.Header().Set("X-Token", r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, "done %s", body)
	}))
	t.Cleanup(u.Close)
	return u
}

func (u *upstream) written() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]string{}, u.writes...)
}

// rig is an upstream, the proxy before it and its control API.
type rig struct {
	t       *testing.T
	up      *upstream
	front   string
	control string
}

func newRig(t *testing.T) *rig {
	up := newUpstream(t)
	target, err := url.Parse(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	board, gate := NewBoard(), NewGate(listener)
	quiet := log.New(io.Discard, "", 0)
	server := &http.Server{Handler: NewProxy(target, &http.Transport{DisableCompression: true}, board, quiet), ErrorLog: quiet}
	go server.Serve(gate)
	control := httptest.NewServer(NewControl(board, gate))
	t.Cleanup(func() {
		server.Close()
		control.Close()
	})
	return &rig{t: t, up: up, front: "http://" + listener.Addr().String(), control: control.URL}
}

// result is how a client fared.
type result struct {
	status int
	body   string
	err    error
}

// send makes a request on a connection of its own.
func (r *rig) send(ctx context.Context, method, path, body string) <-chan result {
	out := make(chan result, 1)
	go func() {
		request, err := http.NewRequestWithContext(ctx, method, r.front+path, strings.NewReader(body))
		if err != nil {
			out <- result{err: err}
			return
		}
		request.Header.Set("Authorization", "Bearer abc")
		transport := &http.Transport{DisableKeepAlives: true}
		defer transport.CloseIdleConnections()
		response, err := transport.RoundTrip(request)
		if err != nil {
			out <- result{err: err}
			return
		}
		defer response.Body.Close()
		data, err := io.ReadAll(response.Body)
		if token := response.Header.Get("X-Token"); token != "Bearer abc" {
			err = fmt.Errorf("the token arrived as %q", token)
		}
		out <- result{response.StatusCode, string(data), err}
	}()
	return out
}

func (r *rig) put(path, body string) <-chan result {
	return r.send(r.t.Context(), http.MethodPut, path, body)
}

func (r *rig) receive(results <-chan result) result {
	r.t.Helper()
	select {
	case got := <-results:
		return got
	case <-time.After(patience):
		r.t.Fatal("no answer and no error")
		return result{}
	}
}

func (r *rig) delivered(results <-chan result, body string) {
	r.t.Helper()
	if got := r.receive(results); got.err != nil || got.status != http.StatusCreated || got.body != "done "+body {
		r.t.Fatalf("got %+v, want an answer to %q", got, body)
	}
}

func (r *rig) broken(results <-chan result) {
	r.t.Helper()
	if got := r.receive(results); got.err == nil {
		r.t.Fatalf("got %+v, want a broken connection", got)
	}
}

func (r *rig) wrote(want ...string) {
	r.t.Helper()
	if got := r.up.written(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		r.t.Fatalf("the server has %q, want %q", got, want)
	}
}

// call uses the control API and expects a status.
func (r *rig) call(want int, method, path, body string, into any) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.control+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	data, _ := io.ReadAll(response.Body)
	if response.StatusCode != want {
		r.t.Fatalf("%s %s: %d %s, want %d", method, path, response.StatusCode, data, want)
	}
	if into != nil {
		if err := json.Unmarshal(data, into); err != nil {
			r.t.Fatalf("%s: %v", data, err)
		}
	}
}

func (r *rig) arm(rule string) string {
	r.t.Helper()
	var view View
	r.call(http.StatusCreated, http.MethodPost, "/holds", rule, &view)
	return fmt.Sprintf("/holds/%d", view.ID)
}

func (r *rig) caught(hold string) View {
	r.t.Helper()
	var view View
	r.call(http.StatusOK, http.MethodGet, hold+"?wait=20s", "", &view)
	if !view.Caught {
		r.t.Fatalf("nothing caught: %+v", view)
	}
	return view
}

func TestBeforeReachesTheServerOnlyAtTheRelease(t *testing.T) {
	r := newRig(t)
	hold := r.arm(`{"method":"PUT","path":"/status$","body":"Promoting","when":"before"}`)
	r.delivered(r.put("/a/status", "Excluding"), "Excluding")
	r.delivered(r.put("/a", "Promoting"), "Promoting")
	r.wrote("PUT /a/status Excluding", "PUT /a Promoting")

	held := r.put("/a/status", "Promoting")
	view := r.caught(hold)
	if view.Request.Path != "/a/status" || view.Request.Body != "Promoting" || view.Request.Status != 0 {
		t.Fatalf("caught %+v", view.Request)
	}
	r.wrote("PUT /a/status Excluding", "PUT /a Promoting")
	r.call(http.StatusOK, http.MethodPost, hold+"/release", "", &view)
	// The release answers only when the effect is there.
	r.wrote("PUT /a/status Excluding", "PUT /a Promoting", "PUT /a/status Promoting")
	if view.State != Released || view.Request.Status != http.StatusCreated {
		t.Fatalf("after the release: %+v", view)
	}
	r.delivered(held, "Promoting")
	r.delivered(r.put("/a/status", "Promoting"), "Promoting")
}

func TestAfterKeepsTheAnswerBack(t *testing.T) {
	r := newRig(t)
	hold := r.arm(`{"method":"PUT","path":"^/a$","when":"after"}`)
	held := r.put("/a", "x")
	if view := r.caught(hold); view.Request.Status != http.StatusCreated {
		t.Fatalf("caught %+v", view.Request)
	}
	r.wrote("PUT /a x")
	select {
	case got := <-held:
		t.Fatalf("answered while held: %+v", got)
	case <-time.After(50 * time.Millisecond):
	}
	r.call(http.StatusOK, http.MethodPost, hold+"/release", `{"then":"deliver"}`, nil)
	r.delivered(held, "x")
	r.wrote("PUT /a x")
}

func TestDropClosesTheConnection(t *testing.T) {
	r := newRig(t)
	before := r.arm(`{"path":"/before","when":"before"}`)
	after := r.arm(`{"path":"/after","when":"after"}`)
	first, second := r.put("/before", "1"), r.put("/after", "2")
	r.caught(before)
	r.caught(after)
	r.call(http.StatusOK, http.MethodPost, before+"/release", `{"then":"drop"}`, nil)
	r.call(http.StatusOK, http.MethodPost, after+"/release", `{"then":"drop"}`, nil)
	r.broken(first)
	r.broken(second)
	r.wrote("PUT /after 2")
}

func TestAWriteOutlivesItsClient(t *testing.T) {
	r := newRig(t)
	hold := r.arm(`{"path":"/a","when":"before"}`)
	ctx, die := context.WithCancel(t.Context())
	held := r.send(ctx, http.MethodPut, "/a", "late")
	r.caught(hold)
	die()
	r.broken(held)
	for end := time.Now().Add(patience); !r.caught(hold).Request.ClientGone; {
		if time.Now().After(end) {
			t.Fatal("the proxy does not notice that the client is gone")
		}
	}
	r.wrote()
	r.call(http.StatusOK, http.MethodPost, hold+"/release", `{"then":"deliver"}`, nil)
	r.wrote("PUT /a late")
}

func TestSkipAndCount(t *testing.T) {
	r := newRig(t)
	hold := r.arm(`{"path":"/a","when":"before","skip":1,"count":2}`)
	r.delivered(r.put("/a", "1"), "1")
	second, third := r.put("/a", "2"), r.put("/a", "3")
	for end := time.Now().Add(patience); len(r.caught(hold).Requests) < 2; {
		if time.Now().After(end) {
			t.Fatal("the second one is not caught")
		}
	}
	r.delivered(r.put("/a", "4"), "4")
	r.wrote("PUT /a 1", "PUT /a 4")
	var all []View
	r.call(http.StatusOK, http.MethodDelete, "/holds", "", &all)
	if len(all) != 1 || all[0].State != Released {
		t.Fatalf("after DELETE: %+v", all)
	}
	r.delivered(second, "2")
	r.delivered(third, "3")
}

func TestReleasingAnArmedHoldDisarmsIt(t *testing.T) {
	r := newRig(t)
	hold := r.arm(`{"path":"/a","when":"before"}`)
	var view View
	r.call(http.StatusOK, http.MethodGet, hold+"?wait=1ms", "", &view)
	if view.State != Armed || view.Request != nil {
		t.Fatalf("freshly armed: %+v", view)
	}
	r.call(http.StatusOK, http.MethodPost, hold+"/release", "", &view)
	if view.State != Released {
		t.Fatalf("released: %+v", view)
	}
	r.delivered(r.put("/a", "1"), "1")
}

func TestAWatchStreamsAndIsCut(t *testing.T) {
	r := newRig(t)
	// Holds on other requests do not stop it.
	r.arm(`{"path":".*","when":"after"}`)
	watch, err := http.Get(r.front + "/things?watch=true")
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Body.Close()
	lines := bufio.NewReader(watch.Body)
	for _, event := range []string{"one", "two"} {
		r.up.event <- event
		line, err := lines.ReadString('\n')
		if err != nil || line != event+"\n" {
			t.Fatalf("got %q, %v while the stream is open", line, err)
		}
	}
	r.call(http.StatusOK, http.MethodDelete, "/holds", "", nil)
	r.call(http.StatusOK, http.MethodPost, "/cut", `{"on":true}`, nil)
	if line, err := lines.ReadString('\n'); err == nil {
		t.Fatalf("the watch survived the cut: %q", line)
	}
	r.broken(r.put("/a", "1"))
	r.wrote()
	r.call(http.StatusOK, http.MethodPost, "/cut", `{"on":false}`, nil)
	r.delivered(r.put("/a", "2"), "2")
}

func TestADeadServerIsABrokenConnection(t *testing.T) {
	r := newRig(t)
	r.up.Close()
	r.broken(r.put("/a", "1"))
	// Held ones too, and the hold does not stay behind.
	for _, when := range []string{"before", "after"} {
		hold := r.arm(`{"path":"/a","when":"` + when + `"}`)
		held := r.put("/a", "1")
		r.caught(hold)
		var view View
		r.call(http.StatusOK, http.MethodPost, hold+"/release", "", &view)
		if view.State != Released || view.Request.Status != 0 {
			t.Fatalf("%s: %+v", when, view)
		}
		r.broken(held)
	}
}

func TestWrongOrdersAreRefused(t *testing.T) {
	r := newRig(t)
	for _, rule := range []string{
		`{"path":"/a"}`,
		`{"path":"(","when":"before"}`,
		`{"path":"/a","body":"(","when":"before"}`,
		`{"path":"/a","when":"before","count":-1}`,
		`{"path":"/a","when":"before","contains":"x"}`,
	} {
		r.call(http.StatusBadRequest, http.MethodPost, "/holds", rule, nil)
	}
	r.call(http.StatusBadRequest, http.MethodPost, "/cut", `{}`, nil)
	r.call(http.StatusNotFound, http.MethodGet, "/holds/7", "", nil)
	r.call(http.StatusNotFound, http.MethodPost, "/holds/7/release", "", nil)
	hold := r.arm(`{"path":"/a","when":"before"}`)
	r.call(http.StatusBadRequest, http.MethodPost, hold+"/release", `{"then":"forget"}`, nil)
	r.call(http.StatusBadRequest, http.MethodGet, hold+"?wait=long", "", nil)
	var all []View
	r.call(http.StatusOK, http.MethodGet, "/holds", "", &all)
	if len(all) != 1 {
		t.Fatalf("%d holds, want the good one alone", len(all))
	}
}

func TestABodyComesThroughUnchanged(t *testing.T) {
	r := newRig(t)
	r.arm(`{"path":"/a","body":"^never$","when":"before"}`)
	body := string(bytes.Repeat([]byte("0123456789"), 50_000))
	r.delivered(r.put("/a", body), body)
	r.wrote("PUT /a " + body)
}
