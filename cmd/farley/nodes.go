package main

import (
	"context"
	"log/slog"

	"farley/internal/broker"
)

// nodes are the flags of a server that is one of several.
type nodes struct {
	NATS            string `name:"nats" env:"FARLEY_NATS" help:"NATS servers between the nodes: nats://user:password@host:4222,tls://… Default: none; nodes look for each other's changes by themselves."`
	NATSPrefix      string `name:"nats-prefix" env:"FARLEY_NATS_PREFIX" default:"farley" help:"First part of all NATS subjects, to keep several firms on one server apart."`
	NATSCredentials string `name:"nats-credentials" env:"FARLEY_NATS_CREDENTIALS" type:"existingfile" help:"NATS credentials file (.creds)."`
}

// broker returns what carries messages between the nodes, nil for a single one, and how to end it.
func (n *nodes) broker(ctx context.Context, log *slog.Logger) (broker.Broker, func(), error) {
	if n.NATS == "" {
		return nil, func() {}, nil
	}
	b, err := broker.DialNATS(broker.NATSConfig{URLs: n.NATS, Prefix: n.NATSPrefix, Credentials: n.NATSCredentials, Log: log})
	if err != nil {
		return nil, nil, err
	}
	return b, func() { b.Close(context.WithoutCancel(ctx)) }, nil
}
