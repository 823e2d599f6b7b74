package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"

	"breakwater.example/tests/cluster/holding"
)

func runProxy(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("cluster proxy", flag.ContinueOnError)
	listen := fs.String("listen", "", "loopback `address` for clients, TLS (required)")
	control := fs.String("control", "", "loopback `address` of the control API (required)")
	upstream := fs.String("upstream", "", "`URL` of the API server (required)")
	ca := fs.String("ca", "", "`file` with the authority of the API server's certificate (required)")
	cert := fs.String("cert", "", "`file` with the certificate for clients (required)")
	key := fs.String("key", "", "`file` with its key (required)")
	if err := parse(fs, args, out, "listen", "control", "upstream", "ca", "cert", "key"); err != nil {
		return err
	}
	target, err := url.Parse(*upstream)
	if err != nil {
		return fmt.Errorf("%w: --upstream: %v", errUsage, err)
	}
	authority, err := os.ReadFile(*ca)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return fmt.Errorf("%s holds no certificate", *ca)
	}
	front, err := net.Listen("tcp4", *listen)
	if err != nil {
		return err
	}
	back, err := net.Listen("tcp4", *control)
	if err != nil {
		return err
	}
	logger := log.New(out, "", log.LstdFlags|log.Lmicroseconds)
	board, gate := holding.NewBoard(), holding.NewGate(front)
	// HTTP/1.1 on both sides: one request a connection at a time, so that a
	// dropped request is a closed connection and takes no watch with it.
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		DisableCompression:  true,
		MaxIdleConnsPerHost: 64,
	}
	servers := []*http.Server{
		{
			Handler:      holding.NewProxy(target, transport, board, logger),
			ErrorLog:     logger,
			TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		},
		{Handler: holding.NewControl(board, gate), ErrorLog: logger},
	}
	ended := make(chan error, len(servers))
	go func() { ended <- servers[0].ServeTLS(gate, *cert, *key) }()
	go func() { ended <- servers[1].Serve(back) }()
	logger.Printf("proxy on %s for %s, control on %s", front.Addr(), target, back.Addr())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		// At once: what is held is lost, as it would be with a real proxy.
		for _, server := range servers {
			_ = server.Close() // the process ends anyway
		}
		return nil
	}
}
