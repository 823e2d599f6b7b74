package holding

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
)

// maxBody bounds what is kept of a request; the API server takes 3 MiB.
const maxBody = 16 << 20

// noted is the context key of the outcome of a held request.
type noted struct{}

// outcome is what became of a forwarded request.
type outcome struct {
	status int
	failed error
	// answered runs as soon as the answer's head is here: the effect is done.
	answered func(status int)
}

// NewProxy returns the proxy's handler. Answers are passed on as they come, so
// that watches stream.
func NewProxy(upstream *url.URL, transport http.RoundTripper, board *Board, logger *log.Logger) http.Handler {
	forward := &httputil.ReverseProxy{
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      logger,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.Out.Host = upstream.Host
		},
		ModifyResponse: func(r *http.Response) error {
			if o, ok := r.Request.Context().Value(noted{}).(*outcome); ok {
				o.status = r.StatusCode
				if o.answered != nil {
					o.answered(r.StatusCode)
				}
			}
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, r *http.Request, err error) {
			if o, ok := r.Context().Value(noted{}).(*outcome); ok {
				o.failed = err
				return
			}
			// An invented "502" would be an answer that no API server gives.
			panic(http.ErrAbortHandler)
		},
	}
	return &proxy{forward: forward, board: board, log: logger}
}

type proxy struct {
	forward *httputil.ReverseProxy
	board   *Board
	log     *log.Logger
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	watch := slices.Contains([]string{"true", "1"}, r.URL.Query().Get("watch"))
	if !p.board.wanted(r.Method, r.URL.Path, watch) {
		p.forward.ServeHTTP(w, r)
		return
	}
	// Read whole: the request must outlive its client, and only a server that
	// has read the body notices that the client went away.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	when, x := p.board.take(r.Method, r.URL.Path, watch, body)
	switch {
	case x == nil:
		p.forward.ServeHTTP(w, r)
	case when == Before:
		p.holdBefore(w, r, x)
	default:
		p.holdAfter(w, r, x)
	}
}

func (p *proxy) holdBefore(w http.ResponseWriter, r *http.Request, x *exchange) {
	p.log.Printf("held before its effect: %s %s", x.method, x.path)
	then := p.board.await(x, r.Context().Done())
	p.log.Printf("released (%s): %s %s", then, x.method, x.path)
	if then == Drop {
		p.board.finish(x)
		panic(http.ErrAbortHandler)
	}
	answered := false
	o := &outcome{answered: func(status int) {
		answered = true
		p.board.note(x, func() { x.status = status })
		p.board.finish(x)
	}}
	detached, cancel := outlive(r, o)
	defer cancel()
	p.forward.ServeHTTP(w, detached)
	if !answered {
		p.board.finish(x)
	}
	if o.failed != nil {
		panic(http.ErrAbortHandler)
	}
}

func (p *proxy) holdAfter(w http.ResponseWriter, r *http.Request, x *exchange) {
	defer p.board.finish(x)
	o := &outcome{}
	detached, cancel := outlive(r, o)
	defer cancel()
	answer := &keptAnswer{header: http.Header{}}
	p.forward.ServeHTTP(answer, detached)
	p.log.Printf("held after its effect (status %d): %s %s", o.status, x.method, x.path)
	p.board.note(x, func() { x.status = o.status })
	then := p.board.await(x, r.Context().Done())
	p.log.Printf("released (%s): %s %s", then, x.method, x.path)
	if then == Drop || o.failed != nil {
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.status)
	// A client that went away meanwhile gets nothing; there is nobody to tell.
	_, _ = w.Write(answer.body.Bytes())
}

// outlive returns the request with a context that does not end with the
// client. It can be cancelled, because ReverseProxy watches the client itself
// when it cannot.
func outlive(r *http.Request, o *outcome) (*http.Request, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	return r.WithContext(context.WithValue(ctx, noted{}, o)), cancel
}

// keptAnswer is a whole answer, kept back.
type keptAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *keptAnswer) Header() http.Header { return a.header }

func (a *keptAnswer) WriteHeader(status int) {
	// 1xx are hints on the way to the answer.
	if a.status == 0 && status >= 200 {
		a.status = status
	}
}

func (a *keptAnswer) Write(data []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(data)
}

// Flush is there because ReverseProxy flushes after every piece.
func (a *keptAnswer) Flush() {}
