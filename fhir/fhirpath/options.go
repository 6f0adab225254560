package fhirpath

// Option sets how an expression is compiled.
type Option func(*options)

type options struct {
	functions map[string]Function
	variables map[string]bool // nil: not declared
	root      string
	schema    Schema
	asFilters bool
}

// WithFunction adds an own function under name for this compilation; it may take
// the place of a built-in one.
func WithFunction(name string, f Function) Option {
	return func(o *options) {
		if o.functions == nil {
			o.functions = map[string]Function{}
		}
		f.Name = name
		o.functions[name] = f
	}
}

// WithVariables declares the %names that the environment will have. Other names
// are then refused when compiling.
func WithVariables(names ...string) Option {
	return func(o *options) {
		if o.variables == nil {
			o.variables = map[string]bool{}
		}
		for _, n := range names {
			o.variables[n] = true
		}
	}
}

// WithRoot says of which type the root is: an R4 type ("Patient",
// "CarePlan.activity"), or with WithSchema a type of the schema. Fields that the
// type does not have are then refused when compiling.
func WithRoot(typ string) Option {
	return func(o *options) { o.root = typ }
}

// WithAsFilter lets as, and as(), take several items and keep those of the type,
// as ofType() does. FHIRPath N1 makes that an error, but R4's own invariants and
// search parameters are written so (dom-3, Group.characteristic.value).
func WithAsFilter() Option {
	return func(o *options) { o.asFilters = true }
}

// Schema declares the fields of a plain source, so that a misspelt field is
// found when a map is loaded. Field gives the type of a field's value (""
// where nothing more is known) and whether the type has the field at all.
type Schema interface {
	Field(typ, name string) (next string, ok bool)
}

// WithSchema declares the source's schema; the root has the type that WithRoot
// names, or "".
func WithSchema(s Schema) Option {
	return func(o *options) { o.schema = s }
}
