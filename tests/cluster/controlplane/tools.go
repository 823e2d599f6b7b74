//go:build tools

// Package controlplane pins the programs of a Kubernetes control plane, so
// that go.mod and go.sum say exactly what the tests run against. Nothing
// imports it; `cluster build` compiles the packages below.
package controlplane

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
