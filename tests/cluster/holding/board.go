// Package holding is a reverse proxy that can hold a chosen request before or
// after its effect and can cut its clients off altogether: the moments at
// which a controller may die or lose its cluster, made to last.
package holding

import (
	"fmt"
	"regexp"
	"sync"
	"time"
)

// When says on which side of its effect a request is held.
type When string

const (
	// Before holds a request that has not been forwarded yet.
	Before When = "before"
	// After holds the answer of a request that took effect.
	After When = "after"
)

// Then says what becomes of a held request at its release.
type Then string

const (
	// Deliver lets it go its way: forwarded (Before) or answered (After).
	Deliver Then = "deliver"
	// Drop closes the client's connection without an answer; a request held
	// Before its effect never has one.
	Drop Then = "drop"
)

// Rule chooses the requests to hold.
type Rule struct {
	// Method is the exact HTTP method; empty matches every method.
	Method string `json:"method"`
	// Path is a regular expression, searched in the path without the query.
	Path string `json:"path"`
	// Body is a regular expression, searched in the request body.
	Body string `json:"body,omitempty"`
	When When   `json:"when"`
	// Skip is how many matching requests pass before the first is held.
	Skip int `json:"skip"`
	// Count is how many are held in all; absent means one.
	Count int `json:"count"`
}

// HoldState is where a hold stands.
type HoldState string

const (
	// Armed waits for a request.
	Armed HoldState = "armed"
	// Caught holds at least one request right now.
	Caught HoldState = "caught"
	// Released holds none and will not hold another.
	Released HoldState = "released"
)

// exchange is one request that a hold has taken.
type exchange struct {
	method, path string
	body         []byte
	// caught is set while the request is held: for After not before the
	// answer has come.
	caught, over bool
	clientGone   bool
	// status is the API server's answer, 0 until there is one.
	status int
	// verdict carries the release; its room of one keeps the sender free.
	verdict chan Then
	// done is closed when the release has run its course.
	done chan struct{}
}

type hold struct {
	id         int
	rule       Rule
	path, body *regexp.Regexp
	skip, left int
	since      time.Time
	taken      []*exchange
}

// Board is the set of holds. The proxy asks it for every request.
type Board struct {
	mu     sync.Mutex
	nextID int
	holds  []*hold
	// changed is closed and replaced at every change, for those who wait.
	changed chan struct{}
}

// NewBoard returns a board that holds nothing.
func NewBoard() *Board {
	return &Board{nextID: 1, changed: make(chan struct{})}
}

// Arm adds a hold.
func (b *Board) Arm(rule Rule) (int, error) {
	if rule.When != Before && rule.When != After {
		return 0, fmt.Errorf(`"when" is %q: it must be "before" or "after"`, rule.When)
	}
	if rule.Count == 0 {
		rule.Count = 1
	}
	if rule.Count < 0 || rule.Skip < 0 {
		return 0, fmt.Errorf(`"count" and "skip" must not be negative`)
	}
	path, err := regexp.Compile(rule.Path)
	if err != nil {
		return 0, fmt.Errorf(`"path" is no regular expression: %w`, err)
	}
	var body *regexp.Regexp
	if rule.Body != "" {
		if body, err = regexp.Compile(rule.Body); err != nil {
			return 0, fmt.Errorf(`"body" is no regular expression: %w`, err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	h := &hold{id: b.nextID, rule: rule, path: path, body: body, skip: rule.Skip, left: rule.Count, since: time.Now()}
	b.nextID++
	b.holds = append(b.holds, h)
	b.tell()
	return h.id, nil
}

// tell wakes all who wait for a change; b.mu is held.
func (b *Board) tell() {
	close(b.changed)
	b.changed = make(chan struct{})
}

func (h *hold) wants(method, path string, watch bool) bool {
	if h.left == 0 || h.rule.Method != "" && h.rule.Method != method {
		return false
	}
	// A watch's answer has no end that could be waited for.
	return h.path.MatchString(path) && !(watch && h.rule.When == After)
}

// wanted says whether a request may be taken once its body is known.
func (b *Board) wanted(method, path string, watch bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.holds {
		if h.wants(method, path, watch) {
			return true
		}
	}
	return false
}

// take gives a request to the first hold that wants it, or to none.
func (b *Board) take(method, path string, watch bool, body []byte) (When, *exchange) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.holds {
		if !h.wants(method, path, watch) || h.body != nil && !h.body.Match(body) {
			continue
		}
		if h.skip > 0 {
			h.skip--
			continue
		}
		h.left--
		x := &exchange{method: method, path: path, body: body, verdict: make(chan Then, 1), done: make(chan struct{})}
		h.taken = append(h.taken, x)
		return h.rule.When, x
	}
	return "", nil
}

// await marks the request as held and returns at its release. gone is closed
// when the client gives up; the request stays held all the same, as a packet
// stays in the network when its sender dies.
func (b *Board) await(x *exchange, gone <-chan struct{}) Then {
	b.note(x, func() { x.caught = true })
	select {
	case then := <-x.verdict:
		return then
	case <-gone:
		b.note(x, func() { x.clientGone = true })
		return <-x.verdict
	}
}

// note changes an exchange and wakes all who wait.
func (b *Board) note(x *exchange, change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	for _, h := range b.holds {
		for _, taken := range h.taken {
			if taken == x {
				h.since = time.Now()
			}
		}
	}
	b.tell()
}

// finish records that the request has run its course, whether it was released
// or failed before it could be held.
func (b *Board) finish(x *exchange) {
	b.note(x, func() { x.over = true })
	close(x.done)
}

// release lets go what the hold has taken. A hold that had caught nothing is
// disarmed; one with a count to go is armed again.
func (b *Board) release(id int, then Then, disarm bool) ([]*exchange, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.holds {
		if h.id != id {
			continue
		}
		var freed []*exchange
		for _, x := range h.taken {
			if !x.over {
				x.over = true
				x.verdict <- then
				freed = append(freed, x)
			}
		}
		if len(freed) == 0 || disarm {
			h.left = 0
		}
		h.since = time.Now()
		b.tell()
		return freed, true
	}
	return nil, false
}

// ids names all holds in the order they were armed.
func (b *Board) ids() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ids []int
	for _, h := range b.holds {
		ids = append(ids, h.id)
	}
	return ids
}

func (h *hold) state() HoldState {
	state := Released
	if h.left > 0 {
		state = Armed
	}
	for _, x := range h.taken {
		switch {
		case x.over:
		case x.caught:
			return Caught
		default:
			// Taken, but its effect is still on the way.
			state = Armed
		}
	}
	return state
}
