package holding

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// View is a hold as the control API shows it.
type View struct {
	ID    int       `json:"id"`
	Rule  Rule      `json:"rule"`
	State HoldState `json:"state"`
	// Caught says that a request is held right now.
	Caught bool `json:"caught"`
	// Since is the time of the last change.
	Since time.Time `json:"since"`
	// Request is the last request taken, Requests are all of them.
	Request  *RequestView  `json:"request"`
	Requests []RequestView `json:"requests"`
}

// RequestView is one request that a hold has taken.
type RequestView struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Body   string `json:"body"`
	// Status is the API server's answer; 0 while there is none.
	Status int `json:"status"`
	// ClientGone says that the client gave up while the request was held.
	ClientGone bool `json:"clientGone"`
	// Released says that it is held no more.
	Released bool `json:"released"`
}

// releaseWait bounds how long a release waits for the outcome.
const releaseWait = 30 * time.Second

// NewControl returns the handler of the control API.
func NewControl(board *Board, gate *Gate) http.Handler {
	c := &control{board: board, gate: gate}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /holds", c.arm)
	mux.HandleFunc("GET /holds", c.list)
	mux.HandleFunc("DELETE /holds", c.releaseAll)
	mux.HandleFunc("GET /holds/{id}", c.show)
	mux.HandleFunc("DELETE /holds/{id}", c.disarm)
	mux.HandleFunc("POST /holds/{id}/release", c.release)
	mux.HandleFunc("GET /cut", c.showCut)
	mux.HandleFunc("POST /cut", c.cut)
	return mux
}

type control struct {
	board *Board
	gate  *Gate
}

func (c *control) arm(w http.ResponseWriter, r *http.Request) {
	var rule Rule
	if err := read(r, &rule, false); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	id, err := c.board.Arm(rule)
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	view, _, _ := c.board.view(id)
	answer(w, http.StatusCreated, view)
}

func (c *control) list(w http.ResponseWriter, _ *http.Request) {
	views := []View{}
	for _, id := range c.board.ids() {
		if view, _, found := c.board.view(id); found {
			views = append(views, view)
		}
	}
	answer(w, http.StatusOK, views)
}

// show answers at once, or with ?wait=30s when the hold has caught something
// (or cannot any more) or the time is over.
func (c *control) show(w http.ResponseWriter, r *http.Request) {
	id, ok := holdID(w, r)
	if !ok {
		return
	}
	var wait time.Duration
	if text := r.URL.Query().Get("wait"); text != "" {
		var err error
		if wait, err = time.ParseDuration(text); err != nil {
			fail(w, http.StatusBadRequest, fmt.Errorf(`"wait" is %q: write a duration such as 30s`, text))
			return
		}
	}
	over := time.After(wait)
	for {
		view, changed, found := c.board.view(id)
		if !found {
			unknown(w, id)
			return
		}
		if view.State != Armed {
			answer(w, http.StatusOK, view)
			return
		}
		select {
		case <-changed:
		case <-over:
			answer(w, http.StatusOK, view)
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (c *control) release(w http.ResponseWriter, r *http.Request) {
	id, ok := holdID(w, r)
	if !ok {
		return
	}
	var order struct {
		Then Then `json:"then"`
	}
	if err := read(r, &order, true); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	if order.Then == "" {
		order.Then = Deliver
	}
	if order.Then != Deliver && order.Then != Drop {
		fail(w, http.StatusBadRequest, fmt.Errorf(`"then" is %q: it must be "deliver" or "drop"`, order.Then))
		return
	}
	c.free(w, id, order.Then, false)
}

func (c *control) disarm(w http.ResponseWriter, r *http.Request) {
	if id, ok := holdID(w, r); ok {
		c.free(w, id, Deliver, true)
	}
}

// free releases and answers when the release has had its effect, so that a
// test can look at the API server right afterwards.
func (c *control) free(w http.ResponseWriter, id int, then Then, disarm bool) {
	freed, found := c.board.release(id, then, disarm)
	if !found {
		unknown(w, id)
		return
	}
	settle(freed)
	view, _, _ := c.board.view(id)
	answer(w, http.StatusOK, view)
}

func (c *control) releaseAll(w http.ResponseWriter, r *http.Request) {
	var all []*exchange
	for _, id := range c.board.ids() {
		freed, _ := c.board.release(id, Deliver, true)
		all = append(all, freed...)
	}
	settle(all)
	c.list(w, r)
}

func (c *control) cut(w http.ResponseWriter, r *http.Request) {
	var order struct {
		On *bool `json:"on"`
	}
	err := read(r, &order, false)
	if err == nil && order.On == nil {
		err = errors.New(`say {"on":true} or {"on":false}`)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	c.gate.Cut(*order.On)
	c.showCut(w, r)
}

func (c *control) showCut(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]bool{"on": c.gate.IsCut()})
}

// settle waits until the released requests have run their course.
func settle(freed []*exchange) {
	over := time.After(releaseWait)
	for _, x := range freed {
		select {
		case <-x.done:
		case <-over:
			return
		}
	}
}

// view shows a hold; changed is closed at the next change of the board.
func (b *Board) view(id int) (view View, changed <-chan struct{}, found bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.holds {
		if h.id != id {
			continue
		}
		state := h.state()
		view = View{ID: id, Rule: h.rule, State: state, Caught: state == Caught, Since: h.since, Requests: []RequestView{}}
		for _, x := range h.taken {
			view.Requests = append(view.Requests, RequestView{
				Method: x.method, Path: x.path, Body: string(x.body),
				Status: x.status, ClientGone: x.clientGone, Released: x.over,
			})
		}
		if n := len(view.Requests); n > 0 {
			view.Request = &view.Requests[n-1]
		}
		return view, b.changed, true
	}
	return View{}, nil, false
}

func holdID(w http.ResponseWriter, r *http.Request) (int, bool) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		fail(w, http.StatusBadRequest, fmt.Errorf("%q is no hold's number", r.PathValue("id")))
	}
	return id, err == nil
}

// read decodes a JSON body. Unknown fields are errors: a misspelt "when" must
// not become a hold that never catches.
func read(r *http.Request, into any, mayBeEmpty bool) error {
	decoder := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if mayBeEmpty && errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the body is not what is expected here: %w", err)
	}
	return nil
}

func answer(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what) // the caller is gone: nobody to tell
}

func fail(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}

func unknown(w http.ResponseWriter, id int) {
	fail(w, http.StatusNotFound, fmt.Errorf("there is no hold %d; GET /holds lists them", id))
}
