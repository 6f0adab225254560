package app

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
	yamlv3 "gopkg.in/yaml.v3"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/outbound"
)

// EnvPrefix begins every environment variable that overrides a setting:
// SAMSYN_SERVER__ADDRESS is server.address, SAMSYN_SOURCES__FHIR_SYKEHUS__OFF is
// sources.fhir-sykehus.off.
const EnvPrefix = "SAMSYN_"

// delim parts the words of a path; it can stand in no key.
const delim = "\x1f"

// ConfigError holds every fault of a configuration. It wraps care.ErrInvalid.
type ConfigError struct{ Faults []ConfigFault }

// ConfigFault is one fault. Line is 0 where it does not come from the file.
type ConfigFault struct {
	File    string
	Line    int
	Path    string // "sources.oneroster.settings.base"
	Message string
}

func (f ConfigFault) String() string {
	where := f.File
	if f.Line > 0 {
		where = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	if f.Path == "" {
		return where + ": " + f.Message
	}
	return where + ": " + f.Path + ": " + f.Message
}

func (e *ConfigError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

func (e *ConfigError) Unwrap() error { return care.ErrInvalid }

// ReadConfig reads the file ("" for none) and the environment over it, and
// validates the whole: every fault is reported at once, with its line.
func ReadConfig(file string, environ []string) (Config, error) {
	var raw []byte
	if file != "" {
		var err error
		if raw, err = os.ReadFile(file); err != nil {
			return Config{}, fmt.Errorf("read configuration: %w: %w", care.ErrInvalid, err)
		}
	}
	return ParseConfig(file, raw, environ)
}

// ParseConfig is ReadConfig for bytes; file is the name used in messages.
func ParseConfig(file string, raw []byte, environ []string) (Config, error) {
	r := reader{file: file, lines: map[string]int{}, fromEnv: map[string]string{}}
	if !r.positions(raw) {
		return Config{}, r.error()
	}
	var c Config
	if !r.layer(raw, environ, &c) {
		return Config{}, r.error()
	}
	for name, s := range c.Sources {
		s.Order = r.lines["sources."+name]
		c.Sources[name] = s
	}
	for id, v := range c.Viewers {
		v.Order = r.lines["viewers."+id]
		c.Viewers[id] = v
	}
	c.setDefaults()
	r.validate(&c)
	return c, r.error()
}

type reader struct {
	file    string
	lines   map[string]int    // path → line in the file
	fromEnv map[string]string // path → variable
	faults  []ConfigFault
}

func (r *reader) error() error {
	if len(r.faults) == 0 {
		return nil
	}
	sort.SliceStable(r.faults, func(i, j int) bool { return r.faults[i].Line < r.faults[j].Line })
	return &ConfigError{Faults: r.faults}
}

// fault notes a fault at a path, with the line of the path or of the nearest parent that the file has.
func (r *reader) fault(path, format string, args ...any) {
	f := ConfigFault{File: r.file, Path: path, Message: fmt.Sprintf(format, args...)}
	if v, ok := r.fromEnv[path]; ok {
		f.File = "environment variable " + v
	} else {
		for p := path; ; {
			if line, ok := r.lines[p]; ok {
				f.Line = line
				break
			}
			cut := strings.LastIndex(p, ".")
			if cut < 0 {
				break
			}
			p = p[:cut]
		}
	}
	if f.File == "" {
		f.File = "configuration"
	}
	r.faults = append(r.faults, f)
}

// positions notes where every key stands; false where the file is no YAML mapping.
func (r *reader) positions(raw []byte) bool {
	var doc yamlv3.Node
	if err := yamlv3.Unmarshal(raw, &doc); err != nil {
		r.faults = append(r.faults, ConfigFault{File: r.file, Line: yamlLine(err), Message: "is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")})
		return false
	}
	if len(doc.Content) == 0 {
		return true
	}
	if doc.Content[0].Kind != yamlv3.MappingNode {
		r.faults = append(r.faults, ConfigFault{File: r.file, Line: 1, Message: "the file must be a mapping (server:, sources:, …)"})
		return false
	}
	r.walk(doc.Content[0], "")
	return len(r.faults) == 0
}

var yamlErrLine = regexp.MustCompile(`line (\d+)`)

func yamlLine(err error) int {
	n := 1 // the library names no line where it is the first
	if m := yamlErrLine.FindStringSubmatch(err.Error()); m != nil {
		_, _ = fmt.Sscan(m[1], &n) // the pattern holds digits only
	}
	return n
}

func (r *reader) walk(n *yamlv3.Node, at string) {
	if n.Kind != yamlv3.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, path := n.Content[i], n.Content[i].Value
		if at != "" {
			path = at + "." + path
		}
		if _, twice := r.lines[path]; twice {
			r.faults = append(r.faults, ConfigFault{File: r.file, Line: key.Line, Path: path, Message: "is given twice"})
		}
		r.lines[path] = key.Line
		r.walk(n.Content[i+1], path)
	}
}

// layer merges file and environment and decodes them; false where nothing can be validated further.
func (r *reader) layer(raw []byte, environ []string, c *Config) bool {
	k := koanf.New(delim)
	if err := k.Load(rawbytes.Provider(raw), yaml.Parser()); err != nil {
		r.fault("", "cannot be read: %v", err)
		return false
	}
	overrides := env.Provider(delim, env.Opt{Prefix: EnvPrefix, EnvironFunc: func() []string { return environ }, TransformFunc: func(key, value string) (string, any) {
		path := r.envPath(k, strings.TrimPrefix(key, EnvPrefix))
		if known, ok := databaseVariables[key]; ok {
			path = strings.ReplaceAll(known, ".", delim)
		}
		if path == "" {
			return "", nil
		}
		r.fromEnv[strings.ReplaceAll(path, delim, ".")] = key
		return path, value
	}})
	if err := k.Load(overrides, nil); err != nil {
		r.fault("", "the environment cannot be read: %v", err)
		return false
	}
	raws := k.Raw()
	sources, given := raws["sources"]
	delete(raws, "sources")
	r.decode("", raws, c)
	r.decodeSources(sources, given, c)
	return true
}

// decodeSources decodes each source by itself: a fault in one field of one source
// must not hide the others.
func (r *reader) decodeSources(all any, given bool, c *Config) {
	c.Sources = map[string]Source{}
	byName, ok := all.(map[string]any)
	if given && all != nil && !ok {
		r.fault("sources", "must be a mapping: a name, and below it system, service and settings")
	}
	for name, raw := range byName {
		var s Source
		r.decode("sources."+name, raw, &s)
		c.Sources[name] = s
	}
}

// envPath turns SERVER__ADDRESS into server/address. Variables without "__" (such as
// SAMSYN_SHARED, used by tests) are no settings. Keys in the file win the spelling:
// FHIR_SYKEHUS finds fhir-sykehus, FHIRSYKEHUS does too.
func (r *reader) envPath(k *koanf.Koanf, name string) string {
	words := strings.Split(strings.ToLower(name), "__")
	if len(words) < 2 {
		return ""
	}
	plain := func(s string) string { return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s)) }
	at := k.Raw()
	for i, w := range words {
		next := map[string]any(nil)
		for key, v := range at {
			if plain(key) == plain(w) {
				words[i] = key
				next, _ = v.(map[string]any)
			}
		}
		at = next
	}
	return strings.Join(words, delim)
}

// decode fills out strictly and notes unknown keys and wrong types under the path.
func (r *reader) decode(at string, in any, out any) {
	var meta mapstructure.Metadata
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{Result: out, TagName: "yaml", Metadata: &meta, WeaklyTypedInput: true, ErrorUnused: false,
		DecodeHook: mapstructure.StringToTimeDurationHookFunc()})
	if err != nil {
		r.fault(at, "%v", err)
		return
	}
	err = d.Decode(in)
	for _, key := range meta.Unused {
		r.fault(join(at, dotted(key)), "is no setting")
	}
	for _, e := range flatten(err) {
		var de *mapstructure.DecodeError
		if errors.As(e, &de) {
			r.fault(join(at, dotted(de.Name())), "%v", errors.Unwrap(de))
			continue
		}
		r.fault(at, "%v", e)
	}
}

func flatten(err error) []error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, flatten(e)...)
		}
		return out
	}
	if _, ok := err.(*mapstructure.DecodeError); !ok {
		if inner := errors.Unwrap(err); inner != nil {
			return flatten(inner)
		}
	}
	return []error{err}
}

var index = regexp.MustCompile(`\[([^\]]*)\]`)

// dotted turns mapstructure's Sources[x].auth into sources.x.auth.
func dotted(name string) string { return strings.TrimPrefix(index.ReplaceAllString(name, ".$1"), ".") }

func join(at, path string) string {
	switch {
	case at == "":
		return path
	case path == "":
		return at
	}
	return at + "." + path
}

var sourceName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

func (r *reader) validate(c *Config) {
	checks := []struct {
		bad     bool
		path    string
		message string
	}{
		{c.Instance.Language != "nb" && c.Instance.Language != "nn" && c.Instance.Language != "en", "instance.language", fmt.Sprintf("%q is none of nb, nn, en", c.Instance.Language)},
		{!validZone(c.Instance.TimeZone), "instance.time_zone", fmt.Sprintf("%q is no known time zone", c.Instance.TimeZone)},
	}
	for _, check := range checks {
		if check.bad {
			r.fault(check.path, "%s", check.message)
		}
	}
	r.validateStore(c.Store)
	r.validateSignIn(c)
	if c.Store.Keys == NoKeys && !c.Instance.Test {
		r.fault("store.keys", "none: a store of real people is sealed; name a file")
	}
	r.validateJobs(c)
	r.validateLimits(c)
	known, err := systems(c.Instance.Connectors)
	if err != nil {
		r.fault("instance.connectors", "a connector cannot be used:\n%v", err)
	}
	for _, name := range c.SourceNames() {
		s := c.Sources[name]
		r.validateSource(&s, known)
		c.Sources[name] = s
	}
}

func validZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil
}

func (r *reader) validateSource(s *Source, all map[string]system) {
	at := "sources." + s.Name
	if !sourceName.MatchString(s.Name) {
		r.fault(at, "a source's name is small letters, digits and hyphens")
	}
	if !s.Service.Valid() {
		r.fault(at+".service", "%q is none of %v", s.Service, care.Services())
	}
	if v := s.Reconcile.MaxVanish; v < 0 || v > 1 {
		r.fault(at+".reconcile.max_vanish", "%v is not a share between 0 and 1", v)
	}
	if s.Reconcile.Window < 0 {
		r.fault(at+".reconcile.window", "must not be negative")
	}
	for _, err := range s.Auth.Validate() {
		field, message, _ := strings.Cut(err.Error(), ": ")
		r.fault(at+".auth."+field, "%s", message)
	}
	known, ok := all[s.System]
	if !ok {
		r.fault(at+".system", "%q is none of %s", s.System, strings.Join(names(all), ", "))
		return
	}
	s.adapter = known.config()
	if signs, ok := s.adapter.(interface{ AuthKinds() []string }); ok {
		kinds := signs.AuthKinds()
		if kind := cmp.Or(s.Auth.Kind, "none"); len(kinds) > 0 && !slices.Contains(kinds, kind) {
			r.fault(at+".auth.kind", "%q is none of %s, which this system takes", kind, strings.Join(kinds, ", "))
		}
	}
	before := len(r.faults)
	r.decode(at+".settings", s.Settings, s.adapter)
	if len(r.faults) > before {
		return
	}
	for _, err := range s.adapter.Validate() {
		text := strings.TrimPrefix(err.Error(), adapters.ErrConfig.Error()+": ")
		field, message, found := strings.Cut(text, ": ")
		if !found {
			field, message = "", text
		}
		field = dotted(field)
		r.fault(join(at+".settings", field), "%s", message)
	}
	if len(r.faults) > before {
		return
	}
	for _, address := range s.adapter.Addresses() {
		if _, err := outbound.ParseOrigin(address); err != nil {
			r.fault(at+".settings", "an address cannot be used: %v", err)
		}
	}
}
