package app

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"samsyn/internal/care"
	"samsyn/internal/limits"
)

// maxBody bounds what one request may send. What sources push has a bound of its own.
const maxBody = "1M"

// headers stand on every answer. Pages load a style of their own and say so themselves;
// everything else is data, which loads and frames nothing.
var headers = [][2]string{
	{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
	{"Cache-Control", "no-store"},
}

// hardened sets the headers and refuses what no caller of ours sends (access.md, T17 and T31).
func hardened() []echo.MiddlewareFunc {
	return []echo.MiddlewareFunc{secured, sameSite, unpacked,
		middleware.BodyLimitWithConfig(middleware.BodyLimitConfig{Limit: maxBody, Skipper: func(c echo.Context) bool { return strings.HasPrefix(c.Request().URL.Path, "/adapters/") }})}
}

func secured(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		head := c.Response().Header()
		for _, line := range headers {
			head.Set(line[0], line[1])
		}
		if c.IsTLS() || c.Request().Header.Get("X-Forwarded-Proto") == "https" {
			// For whoever speaks plain HTTP it means nothing, so that a forged header does no harm.
			head.Set("Strict-Transport-Security", "max-age=31536000")
		}
		return next(c)
	}
}

// sameSite refuses what another site's page asks for, unless a person follows a link to a
// page: data is never fetched, framed or embedded across sites. Browsers say it; programs do not.
func sameSite(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		switch r.Header.Get("Sec-Fetch-Site") {
		case "", "same-origin", "none":
			return next(c)
		}
		page := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" && (r.Method == http.MethodGet || r.Method == http.MethodHead)
		for _, data := range []string{"/fhir/", "/api/", "/adapters", "/health/", "/metrics", "/debug/"} {
			page = page && !strings.HasPrefix(r.URL.Path, data)
		}
		if !page {
			return echo.NewHTTPError(http.StatusForbidden)
		}
		return next(c)
	}
}

// unpacked refuses bodies that are packed: a few bytes could become very many.
func unpacked(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if packed := c.Request().Header.Get("Content-Encoding"); packed != "" && packed != "identity" {
			return echo.NewHTTPError(http.StatusUnsupportedMediaType)
		}
		return next(c)
	}
}

// rated lets each caller ask for so much and no more. A caller is an address, as the nearest
// trusted proxy tells it: who signs in is not known before the request is read, and is counted
// by the gate. It counts by the machine's own clock.
func rated(next http.Handler, allow *limits.Rate, address func(*http.Request) string, log *slog.Logger, counted func(what string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wait, ok := allow.Take(address(r))
		if ok {
			next.ServeHTTP(w, r)
			return
		}
		counted("rate")
		log.Warn("a caller asks for too much", "wait", wait.Round(time.Millisecond))
		for _, line := range headers {
			w.Header().Set(line[0], line[1])
		}
		w.Header().Set("Retry-After", care.Limited{Wait: wait}.Seconds())
		w.WriteHeader(http.StatusTooManyRequests)
	})
}
