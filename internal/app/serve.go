package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"samsyn/internal/api"
	"samsyn/internal/web"
	"samsyn/internal/words"
)

// Handler gives all that is served over HTTP.
func (a *App) Handler() (http.Handler, error) {
	secret := ""
	if a.Config.Server.PushSecret.Set() {
		var err error
		if secret, err = a.Config.Server.PushSecret.Read(); err != nil {
			return nil, fmt.Errorf("push secret: %w", err)
		}
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Use(middleware.RecoverWithConfig(middleware.RecoverConfig{DisableStackAll: true, LogErrorFunc: func(c echo.Context, err error, _ []byte) error {
		a.log.Error("panic in a handler", "route", c.Path(), "error", err)
		return err
	}}))
	e.Use(hardened()...)
	e.IPExtractor = a.Config.clientAddress()
	e.Use(a.sealed, a.ownName, a.traced(), a.logged)
	a.watched(e)
	overviews := tracedOverviews{a.Overviews}
	who, err := a.askers()
	if err != nil {
		return nil, err
	}
	mountSignIn(e, who)
	doors := &api.Handler{Overviews: overviews, Records: a.gate, Zone: a.zone, Consents: a.Rights, States: a.store, Push: a, Ready: a.health, Who: who.machines, PushSecret: secret, Now: a.now, Log: a.log}
	doors.Mount(e)
	if who.pages == nil {
		return e, nil
	}
	pages := &web.Handler{Overviews: overviews, States: a.store, Runs: a, Compares: a, Rights: a.Rights, Finder: a, People: a.Config.People(), Topics: a.table.Topics(), Glass: a.table.Glass(), AccessLog: a.gate, Export: a, Who: who.pages, Viewers: who.choices, Language: words.Lang(a.Config.Instance.Language), Now: a.now, Zone: a.zone, Log: a.log}
	if who.signIn != nil {
		pages.SignIn = who.signIn
	}
	if err := pages.Mount(e); err != nil {
		return nil, err
	}
	return e, nil
}

// logged notes each request by its route, never by its address: addresses may hold ids.
func (a *App) logged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		err := next(c)
		a.log.Info("request", "method", c.Request().Method, "route", c.Path(), "status", c.Response().Status, "duration", time.Since(began))
		a.metrics.Requested(c.Request().Method, c.Path(), c.Response().Status, time.Since(began))
		return err
	}
}

// stopTime is how long requests under way may take after a stop; pageTime is how long
// runs may, to finish the page that they are on.
const (
	stopTime = 10 * time.Second
	pageTime = 30 * time.Second
)

// Serve serves on l, which must be on loopback where nobody signs in, and runs what is due, until ctx ends; then
// it lets requests and pages that are under way finish.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	if err := a.mayServe(l); err != nil {
		return err
	}
	h, err := a.Handler()
	if err != nil {
		return errors.Join(err, l.Close())
	}
	a.gate.Limits = a.viewerLimits(time.Now)
	h = rated(h, a.Config.Limits.rate(time.Now), a.Config.clientAddress(), a.log, a.metrics.Limited)
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	stopHeads, err := a.exportHeads(ctx)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer stopHeads()
	defer a.inBackground(ctx)()
	stopJobs, err := a.startJobs(ctx)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		stopped <- errors.Join(within(stopTime, s.Shutdown), within(pageTime, stopJobs))
	}()
	err = a.Config.serve(s, l)
	stop() // where the listener failed, what runs is stopped too
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	} else {
		err = fmt.Errorf("serve: %w", err)
	}
	return errors.Join(err, <-stopped)
}

// within gives f some time.
func within(limit time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return f(ctx)
}
