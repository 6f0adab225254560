# make help lists the targets.
.PHONY: help run test lint ci bench soak bugs mutate generate verify
help:     ; @grep -E '^[a-z]+: .*##' Makefile | sed 's/: .*## /\t/'
run:      ## the demo, on loopback, with synthetic families
	go run ./cmd/samsyn demo
test:     ## README's test command
	go test ./...
lint:     ## gofmt, vet, staticcheck
	@test -z "$$(git ls-files '*.go' | xargs gofmt -l)" || (git ls-files '*.go' | xargs gofmt -l; exit 1)
	go vet ./...
	go tool staticcheck ./...
ci:       ## all that CI runs
	bash .ci/run
bench:    ## the figures in docs/performance.md; smaller with BENCH='-children 1000 -ledger-rows 1000000'
	go run ./internal/bench/run $(BENCH)
	go test -run '^$$' -bench . -benchmem ./fhir/... ./mapping/... ./internal/...
soak:     ## faults, sequences and attacks, ten times CI's size and more: many hours (docs/reliability.md, docs/access.md)
	SAMSYN_TEST_SIZE=soak go test -timeout 24h -v -run 'TestF|TestMachine|TestEverySource' ./internal/fault
	SAMSYN_TEST_SIZE=soak go test -timeout 48h -v ./internal/attack
bugs:     ## the test of the tests: each mistake of internal/bugs/list.yaml must be noticed
	SAMSYN_BUGS=1 go test -count=1 -timeout 2h -v ./internal/bugs
mutate:   ## mutations of the decision; needs gremlins 0.6.0 (docs/access.md), half an hour
	gremlins unleash --timeout-coefficient 300 --invert-logical --invert-bitwise --invert-loopctrl -S lctv ./internal/consent
	gremlins unleash --timeout-coefficient 40 --invert-logical --invert-bitwise --invert-loopctrl -S lctv ./internal/access
generate: ## what is generated from ../shared and from the code
	go run ./fhir/r4/gen
	go test ./mapping -run 'Docs|Functions' -update
verify: generate ## generated files are as committed
	git diff --exit-code
