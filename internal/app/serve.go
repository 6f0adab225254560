package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"samsyn/internal/api"
	"samsyn/internal/care"
	"samsyn/internal/limits"
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
	e.Use(ownName, a.traced(), a.logged)
	a.watched(e)
	overviews := tracedOverviews{a.Overviews}
	doors := &api.Handler{Overviews: overviews, States: a.store, Push: a, Ready: a.health, Viewers: a.Config.People(), PushSecret: secret, Now: a.now, Log: a.log}
	doors.Mount(e)
	pages := &web.Handler{Overviews: overviews, States: a.store, Runs: a, Viewers: a.Config.People(), Language: words.Lang(a.Config.Instance.Language), Now: a.now, Zone: a.zone, Log: a.log}
	if err := pages.Mount(e); err != nil {
		return nil, err
	}
	return e, nil
}

// ownName refuses a request that names another host than this machine: a hostile page
// could otherwise reach the loopback server through a name of its own (DNS rebinding).
func ownName(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		host := c.Request().Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if host = strings.Trim(host, "[]"); host != "localhost" {
			if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
				return echo.NewHTTPError(http.StatusMisdirectedRequest)
			}
		}
		return next(c)
	}
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

// Serve serves on l, which must be on loopback, and runs what is due, until ctx ends; then
// it lets requests and pages that are under way finish.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	if !loopback(l.Addr().String()) {
		return errors.Join(fmt.Errorf("serve on %s: %w: only loopback is served while there is no sign-in", l.Addr(), care.ErrDenied), l.Close())
	}
	h, err := a.Handler()
	if err != nil {
		return errors.Join(err, l.Close())
	}
	h = rated(h, limits.NewRate(perSecond, atOnce, time.Now), a.log, a.metrics.Limited)
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
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
	err = s.Serve(l)
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
