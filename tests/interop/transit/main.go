// The transit engine of Vault in one process, with its storage in memory, behind the paths of Vault's HTTP API.
//
// usage: VAULT_TOKEN=… transit HOST:PORT
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/builtin/logical/transit"
	"github.com/hashicorp/vault/sdk/logical"
)

// engine answers what Vault's router would hand to the engine.
type engine struct {
	backend logical.Backend
	storage logical.Storage
	token   string
}

func (e *engine) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	out.Header().Set("Content-Type", "application/json")
	if in.Header.Get("X-Vault-Token") != e.token {
		answer(out, http.StatusForbidden, map[string]any{"errors": []string{"permission denied"}})
		return
	}
	request := &logical.Request{
		Operation: logical.ReadOperation, Path: strings.TrimPrefix(in.URL.Path, "/v1/transit/"), Storage: e.storage,
	}
	if in.Method != http.MethodGet {
		request.Operation = logical.UpdateOperation
		if err := json.NewDecoder(in.Body).Decode(&request.Data); err != nil {
			answer(out, http.StatusBadRequest, map[string]any{"errors": []string{err.Error()}})
			return
		}
	}
	response, err := e.backend.HandleRequest(in.Context(), request)
	status, err := logical.RespondErrorCommon(request, response, err)
	switch {
	case err != nil:
		answer(out, status, map[string]any{"errors": []string{err.Error()}})
	case response == nil && request.Operation == logical.ReadOperation:
		answer(out, http.StatusNotFound, map[string]any{"errors": []string{}})
	case response == nil:
		out.WriteHeader(http.StatusNoContent)
	default:
		answer(out, http.StatusOK, map[string]any{"data": response.Data})
	}
}

func answer(out http.ResponseWriter, status int, body any) {
	out.WriteHeader(status)
	_ = json.NewEncoder(out).Encode(body)
}

func serve(address string) error {
	storage := &logical.InmemStorage{}
	backend, err := transit.Factory(context.Background(), &logical.BackendConfig{
		Logger:      hclog.New(&hclog.LoggerOptions{Name: "transit"}),
		StorageView: storage,
		System:      &logical.StaticSystemView{DefaultLeaseTTLVal: time.Hour, MaxLeaseTTLVal: time.Hour},
	})
	if err != nil {
		return err
	}
	return http.ListenAndServe(address, &engine{backend: backend, storage: storage, token: os.Getenv("VAULT_TOKEN")})
}

func main() {
	if len(os.Args) != 2 || os.Getenv("VAULT_TOKEN") == "" {
		fmt.Fprintln(os.Stderr, "usage: VAULT_TOKEN=… transit HOST:PORT")
		os.Exit(2)
	}
	if err := serve(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
