package server

import (
	"context"
	"io"
	"net/http"
	"time"
)

// readyTime bounds one answer of Config.Ready.
const readyTime = 2 * time.Second

func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }

// serveReady says whether requests should be sent here. Why not is in the log.
func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		plain(w, http.StatusServiceUnavailable, "shutting down\n")
		return
	}
	if s.config.Ready == nil {
		plain(w, http.StatusOK, "ready\n")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	if err := s.config.Ready(ctx); err != nil {
		s.config.Log.WarnContext(ctx, "not ready", "cause", err.Error())
		plain(w, http.StatusServiceUnavailable, "not ready\n")
		return
	}
	plain(w, http.StatusOK, "ready\n")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
