package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// patience is how long a program may take to become ready: far longer than
// it needs, because compilers may be busy on the same machine.
const patience = 3 * time.Minute

func (u *starter) startEtcd(ctx context.Context) error {
	var client string
	return u.launch(ctx, "etcd", 2, &u.state.Ports.Etcd, &u.state.Etcd,
		func(ports []int) (string, []string) {
			client = fmt.Sprintf("http://127.0.0.1:%d", ports[0])
			peer := fmt.Sprintf("http://127.0.0.1:%d", ports[1])
			return filepath.Join(u.cache, "etcd"), []string{
				"--name=cluster",
				"--data-dir=" + filepath.Join(u.dir, "etcd"),
				"--listen-client-urls=" + client,
				"--advertise-client-urls=" + client,
				"--listen-peer-urls=" + peer,
				"--initial-advertise-peer-urls=" + peer,
				"--initial-cluster=cluster=" + peer,
				// What a power cut destroys here, the next run makes again.
				"--unsafe-no-fsync",
				"--log-level=warn",
			}
		},
		func(p *process) error { return poll(ctx, p, patience, http.DefaultClient, "", client+"/health") },
		u.state.stopEtcd)
}

func (u *starter) startAPIServer(ctx context.Context) error {
	if err := u.state.stopAPIServer(); err != nil {
		return err
	}
	key := u.certs.serviceAccountKey
	return u.launch(ctx, "kube-apiserver", 1, &u.state.Ports.APIServer, &u.state.APIServer,
		func(ports []int) (string, []string) {
			u.state.URLs.APIServer = fmt.Sprintf("https://127.0.0.1:%d", ports[0])
			return filepath.Join(u.cache, "kube-apiserver"), []string{
				fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", u.state.Ports.Etcd[0]),
				"--bind-address=127.0.0.1",
				fmt.Sprintf("--secure-port=%d", ports[0]),
				// Named, or the server looks for a route to the outside and
				// does not start on a machine that has none.
				"--advertise-address=127.0.0.1",
				"--endpoint-reconciler-type=none",
				"--cert-dir=" + filepath.Join(u.dir, "certs"),
				"--tls-cert-file=" + u.certs.serverCert,
				"--tls-private-key-file=" + u.certs.serverKey,
				"--service-account-issuer=https://kubernetes.default.svc",
				"--service-account-key-file=" + key,
				"--service-account-signing-key-file=" + key,
				"--token-auth-file=" + filepath.Join(u.dir, "tokens.csv"),
				"--authorization-mode=RBAC",
				"--service-cluster-ip-range=10.0.0.0/24",
				// It waits for tokens that a controller-manager would make.
				"--disable-admission-plugins=ServiceAccount",
			}
		},
		func(p *process) error { return u.ready(ctx, p, patience) },
		u.state.stopAPIServer)
}

func (u *starter) startProxy(ctx context.Context) error {
	if err := u.state.stopProxy(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return u.launch(ctx, "proxy", 2, &u.state.Ports.Proxy, &u.state.Proxy,
		func(ports []int) (string, []string) {
			u.state.URLs.Proxy = fmt.Sprintf("https://127.0.0.1:%d", ports[0])
			u.state.URLs.ProxyControl = fmt.Sprintf("http://127.0.0.1:%d", ports[1])
			return self, []string{
				"proxy",
				fmt.Sprintf("--listen=127.0.0.1:%d", ports[0]),
				fmt.Sprintf("--control=127.0.0.1:%d", ports[1]),
				"--upstream=" + u.state.URLs.APIServer,
				"--ca=" + u.certs.ca,
				"--cert=" + u.certs.serverCert,
				"--key=" + u.certs.serverKey,
			}
		},
		func(p *process) error {
			return poll(ctx, p, patience, http.DefaultClient, "", u.state.URLs.ProxyControl+"/holds")
		},
		u.state.stopProxy)
}

// ready waits until the API server says so and has made the namespace that
// everybody starts with; it does that shortly after it is ready.
func (u *starter) ready(ctx context.Context, p *process, wait time.Duration) error {
	ca, err := os.ReadFile(u.certs.ca)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for _, path := range []string{"/readyz", "/api/v1/namespaces/default"} {
		if err := poll(ctx, p, wait, client, u.state.Users[0].Token, u.state.URLs.APIServer+path); err != nil {
			return err
		}
	}
	return nil
}

// poll asks for a page until it is answered with 200, the process ends, the
// time is over or the work is interrupted.
func poll(ctx context.Context, p *process, wait time.Duration, client *http.Client, token, url string) error {
	deadline := time.Now().Add(wait)
	for {
		last := get(ctx, client, token, url)
		switch {
		case last == nil && p.alive():
			return nil
		case ctx.Err() != nil:
			return errors.New("interrupted")
		case !p.alive():
			return errors.New("it ended before it was ready")
		case time.Now().After(deadline):
			return fmt.Errorf("not ready after %s: %w", wait, last)
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func get(ctx context.Context, client *http.Client, token, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}
