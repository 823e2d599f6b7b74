package holding

import (
	"net"
	"sync"
)

// Gate is a listener that can be cut: then it resets all its connections and
// every new one, as if the cluster were gone.
type Gate struct {
	net.Listener
	mu   sync.Mutex
	cut  bool
	open map[*gatedConn]struct{}
}

// NewGate puts a gate before a listener.
func NewGate(l net.Listener) *Gate {
	return &Gate{Listener: l, open: map[*gatedConn]struct{}{}}
}

// Accept returns the next connection that comes while the gate is not cut.
func (g *Gate) Accept() (net.Conn, error) {
	for {
		inner, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		conn := &gatedConn{Conn: inner, gate: g}
		g.mu.Lock()
		cut := g.cut
		if !cut {
			g.open[conn] = struct{}{}
		}
		g.mu.Unlock()
		if !cut {
			return conn, nil
		}
		conn.reset()
	}
}

// Cut cuts the gate or opens it again.
func (g *Gate) Cut(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cut = on
	if !on {
		return
	}
	for conn := range g.open {
		conn.reset()
	}
	clear(g.open)
}

// IsCut says whether the gate is cut.
func (g *Gate) IsCut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cut
}

type gatedConn struct {
	net.Conn
	gate *Gate
}

func (c *gatedConn) Close() error {
	c.gate.mu.Lock()
	delete(c.gate.open, c)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}

// reset closes so that the other side sees a reset and not a polite end.
func (c *gatedConn) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // at worst the end is a polite one
	}
	_ = c.Conn.Close() // closed already is as good
}
