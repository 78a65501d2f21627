// A Trillian log server and its signer in one process, with the trees in memory: what a Rekor v1 needs below it.
//
// usage: trillian HOST:PORT
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/google/trillian"
	"github.com/google/trillian/extension"
	"github.com/google/trillian/log"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/server"
	"github.com/google/trillian/server/admin"
	"github.com/google/trillian/server/interceptor"
	"github.com/google/trillian/storage"
	"github.com/google/trillian/storage/memory"
	"github.com/google/trillian/util/clock"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// once takes each leaf once, as Trillian's databases do and its trees in memory do not.
type once struct {
	storage.LogStorage
	mutex sync.Mutex
	seen  map[string]bool
}

func (o *once) QueueLeaves(ctx context.Context, tree *trillian.Tree, leaves []*trillian.LogLeaf, at time.Time) ([]*trillian.QueuedLogLeaf, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	var queued []*trillian.QueuedLogLeaf
	for _, leaf := range leaves {
		if o.seen[string(leaf.LeafIdentityHash)] {
			known := status.New(codes.AlreadyExists, "the leaf is there already").Proto()
			queued = append(queued, &trillian.QueuedLogLeaf{Leaf: leaf, Status: known})
			continue
		}
		one, err := o.LogStorage.QueueLeaves(ctx, tree, []*trillian.LogLeaf{leaf}, at)
		if err != nil {
			return nil, err
		}
		o.seen[string(leaf.LeafIdentityHash)] = true
		queued = append(queued, one...)
	}
	return queued, nil
}

func serve(address string) error {
	trees := memory.NewTreeStorage()
	registry := extension.Registry{
		AdminStorage: memory.NewAdminStorage(trees),
		LogStorage:   &once{LogStorage: memory.NewLogStorage(trees, nil), seen: map[string]bool{}},
		QuotaManager: quota.Noop(),
	}
	sequencing := log.OperationInfo{
		Registry: registry, BatchSize: 50, NumWorkers: 1, RunInterval: 100 * time.Millisecond, TimeSource: clock.System,
	}
	go log.NewOperationManager(sequencing, log.NewSequencerManager(registry, 0)).OperationLoop(context.Background())

	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	rpc := grpc.NewServer(grpc.UnaryInterceptor(interceptor.ErrorWrapper))
	trillian.RegisterTrillianAdminServer(rpc, admin.New(registry, nil))
	trillian.RegisterTrillianLogServer(rpc, server.NewTrillianLogRPCServer(registry, clock.System))
	return rpc.Serve(listener)
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: trillian HOST:PORT")
		os.Exit(2)
	}
	if err := serve(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
