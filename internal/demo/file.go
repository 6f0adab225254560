package demo

import (
	"fmt"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"samsyn/internal/outbound"
	"samsyn/internal/sim"
)

// WriteConfig writes samsyn.yaml into dir for a running municipality, with each
// client's key or secret in a file beside it, and gives the file's path. It is what
// a production configuration looks like; only the addresses and keys are others.
func WriteConfig(m *sim.Municipality, dir string) (string, error) {
	all := &yaml.Node{Kind: yaml.MappingNode}
	for _, s := range sources() {
		p := m.Places[s.name]
		block := map[string]any{"system": s.system, "service": string(s.service), "title": s.title, "settings": s.settings(p)}
		if p.Auth.Kind != "" {
			auth, err := authBlock(p.Auth, filepath.Join(dir, s.name+".key"))
			if err != nil {
				return "", err
			}
			block["auth"] = auth
		}
		if len(p.Headers) > 0 {
			block["headers"] = p.Headers
		}
		if err := put(all, s.name, block); err != nil {
			return "", err
		}
	}
	people := &yaml.Node{Kind: yaml.MappingNode}
	for _, v := range viewers() {
		if err := put(people, v.id, v.block()); err != nil {
			return "", err
		}
	}
	top := &yaml.Node{Kind: yaml.MappingNode}
	for _, part := range []struct {
		name  string
		value any
	}{
		{"instance", map[string]any{"test": true}},
		{"store", map[string]any{"path": filepath.Join(dir, "samsyn.db")}},
		{"sources", all},
		{"viewers", people},
	} {
		if err := put(top, part.name, part.value); err != nil {
			return "", err
		}
	}
	body, err := yaml.Marshal(top)
	if err != nil {
		return "", fmt.Errorf("write configuration: %w", err)
	}
	file := filepath.Join(dir, "samsyn.yaml")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		return "", fmt.Errorf("write configuration: %w", err)
	}
	return file, nil
}

// put adds a key with its value to a mapping, in order.
func put(to *yaml.Node, key string, value any) error {
	node, ok := value.(*yaml.Node)
	if !ok {
		node = &yaml.Node{}
		if err := node.Encode(value); err != nil {
			return fmt.Errorf("write configuration: %s: %w", key, err)
		}
	}
	to.Content = append(to.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, node)
	return nil
}

// authBlock writes the secret to a file and gives the block that names it.
func authBlock(a outbound.Auth, file string) (map[string]any, error) {
	block := map[string]any{"kind": a.Kind, "token_url": a.TokenURL, "client_id": a.ClientID, "scopes": a.Scopes}
	secret, name := a.Key.Value, "key"
	if a.Kind == "oauth2" {
		secret, name = a.Secret.Value, "secret"
	}
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write secret: %w", err)
	}
	block[name] = map[string]any{"file": file}
	return block, nil
}
