package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// user is somebody the API server knows by a token.
type user struct {
	Name   string   `json:"name"`
	Groups []string `json:"groups"`
	Token  string   `json:"token"`
}

// adminName is the user of `DIR/kubeconfig`.
const adminName = "admin"

var userName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// userFlags collects repeated --user flags.
type userFlags []user

func (u *userFlags) String() string { return "" }

func (u *userFlags) Set(text string) error {
	name, groups, _ := strings.Cut(text, ":")
	switch {
	case !userName.MatchString(name):
		return fmt.Errorf("%q must look like NAME:GROUP,GROUP with a name of a-z, 0-9, '.' and '-'", text)
	case name == adminName, name == "proxy", strings.HasSuffix(name, "-proxy"):
		return fmt.Errorf("the name %q is taken: its kubeconfig would replace one of the cluster's own", name)
	}
	added := user{Name: name, Groups: []string{}}
	for group := range strings.SplitSeq(groups, ",") {
		if strings.ContainsAny(group, "\"\n\r") {
			return fmt.Errorf("group %q holds a quote or a line break", group)
		}
		if group != "" {
			added.Groups = append(added.Groups, group)
		}
	}
	*u = append(*u, added)
	return nil
}

// mergeUsers adds the asked-for users to the known ones; known users keep
// their tokens. changed says that the API server must learn something new.
func mergeUsers(known []user, asked []user) (merged []user, changed bool) {
	merged = slices.Clone(known)
	if len(merged) == 0 {
		merged = []user{{Name: adminName, Groups: []string{"system:masters"}, Token: newToken()}}
		changed = true
	}
	for _, want := range asked {
		at := slices.IndexFunc(merged, func(u user) bool { return u.Name == want.Name })
		switch {
		case at < 0:
			want.Token = newToken()
			merged = append(merged, want)
			changed = true
		case !slices.Equal(merged[at].Groups, want.Groups):
			merged[at].Groups = want.Groups
			changed = true
		}
	}
	return merged, changed
}

// tokenFile is the API server's --token-auth-file: token,name,uid,"groups".
func tokenFile(users []user) []byte {
	var text strings.Builder
	for _, u := range users {
		fmt.Fprintf(&text, "%s,%s,%s", u.Token, u.Name, u.Name)
		// An empty column would be a group with an empty name.
		if len(u.Groups) > 0 {
			fmt.Fprintf(&text, ",\"%s\"", strings.Join(u.Groups, ","))
		}
		text.WriteByte('\n')
	}
	return []byte(text.String())
}

// kubeconfig is one user's way to one server.
func kubeconfig(server string, ca []byte, u user) []byte {
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- name: breakwater-test
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: %s
  user:
    token: %s
contexts:
- name: %[3]s@breakwater-test
  context:
    cluster: breakwater-test
    user: %[3]s
    namespace: default
current-context: %[3]s@breakwater-test
`, server, base64.StdEncoding.EncodeToString(ca), u.Name, u.Token)
}

// kubeconfigPath is where a user's kubeconfig stands.
func kubeconfigPath(dir string, u user, throughProxy bool) string {
	name := "kubeconfig"
	if u.Name != adminName {
		name += "-" + u.Name
	}
	if throughProxy {
		name += "-proxy"
	}
	return filepath.Join(dir, name)
}

// writeKubeconfigs writes every user's kubeconfigs and removes those through
// a proxy that does not run.
func writeKubeconfigs(dir string, s *state, caFile string) error {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return err
	}
	for _, u := range s.Users {
		if err := writeFile(kubeconfigPath(dir, u, false), kubeconfig(s.URLs.APIServer, ca, u), 0o600); err != nil {
			return err
		}
		proxied := kubeconfigPath(dir, u, true)
		if s.URLs.Proxy == "" {
			if err := os.Remove(proxied); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			continue
		}
		if err := writeFile(proxied, kubeconfig(s.URLs.Proxy, ca, u), 0o600); err != nil {
			return err
		}
	}
	return nil
}
