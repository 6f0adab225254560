package connector

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"golang.org/x/time/rate"

	"samsyn/adapters"
)

// Config is one source of a connector's system: the values of its settings.
type Config struct {
	// Values are the source's settings as its configuration gives them.
	Values map[string]any `yaml:",remain"`

	def *Definition
}

// Config gives an empty configuration for a source of this system, to be filled and opened.
func (d *Definition) Config() *Config { return &Config{def: d} }

// AuthKinds gives the kinds of sign-in that fit; empty: any.
func (c *Config) AuthKinds() []string { return c.def.Auth }

// Open gives an adapter for a source with these settings.
func (d *Definition) Open(settings map[string]any, deps adapters.Deps) (adapters.Adapter, error) {
	return (&Config{Values: settings, def: d}).Open(deps)
}

// names lists every setting that the source may have.
func (c *Config) names() []string {
	names := []string{"url", "size"}
	if c.def.folder() {
		names = []string{"dir"}
	}
	for _, s := range c.def.Settings {
		names = append(names, s.Name)
	}
	return names
}

// Validate names every setting that cannot work.
func (c *Config) Validate() []error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: %s: %s", adapters.ErrConfig, field, fmt.Sprintf(format, args...)))
	}
	known := c.names()
	for name := range c.Values {
		if !slices.Contains(known, name) {
			text := "is no setting of this system"
			if s := didYouMean(name, known); s != "" {
				text += " (" + s + ")"
			}
			bad(name, "%s", text)
		}
	}
	for _, name := range known {
		value, given := c.text(name)
		i := slices.IndexFunc(c.def.Settings, func(s Setting) bool { return s.Name == name })
		switch {
		case given && !scalar(c.Values[name]):
			bad(name, "must be a single value")
		case given && showsNationalNumber(value):
			bad(name, "holds what may be a national number, which must stand in no address")
		case name == "url":
			if u, err := url.Parse(value); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
				bad(name, "must be an http or https address without user, query or fragment")
			}
		case name == "dir":
			if value == "" {
				bad(name, "is missing: the folder that is read")
			}
		case name == "size":
			if n, err := strconv.Atoi(value); given && (err != nil || n < 1 || n > maxSize) {
				bad(name, "must be from 1 to %d", maxSize)
			}
		case i >= 0 && value == "" && !c.def.Settings[i].Optional:
			bad(name, "is missing: %s", c.def.Settings[i].About)
		}
	}
	return errs
}

func scalar(v any) bool {
	switch v.(type) {
	case string, bool, int, int64, uint64, float64:
		return true
	}
	return false
}

// text gives a setting's value, or its default; given is whether the source has it.
func (c *Config) text(name string) (value string, given bool) {
	if v, ok := c.Values[name]; ok {
		return fmt.Sprint(v), true
	}
	for _, s := range c.def.Settings {
		if s.Name == name {
			return s.Default, false
		}
	}
	return "", false
}

// Addresses are what the adapter calls: nothing outside their origins. None of a drop folder.
func (c *Config) Addresses() []string {
	if c.def.folder() {
		return nil
	}
	address, _ := c.text("url")
	return []string{address}
}

// Open gives the adapter.
func (c *Config) Open(deps adapters.Deps) (adapters.Adapter, error) {
	if err := errors.Join(c.Validate()...); err != nil {
		return nil, err
	}
	a := &adapter{def: c.def, values: map[string]string{}}
	for _, s := range c.def.Settings {
		a.values[s.Name], _ = c.text(s.Name)
	}
	if c.def.folder() {
		a.dir, _ = c.text("dir")
		return &checked{a}, nil
	}
	address, _ := c.text("url")
	a.base, _ = url.Parse(address) // Validate has seen it
	size, _ := c.text("size")
	a.size, _ = strconv.Atoi(size) // 0 where it is not given
	own := *deps.HTTP
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a.client = &own
	if c.def.PerSecond > 0 {
		a.limit = rate.NewLimiter(rate.Limit(c.def.PerSecond), max(1, int(c.def.PerSecond)))
	}
	if c.def.Check == "" {
		return a, nil
	}
	return &checked{a}, nil
}
