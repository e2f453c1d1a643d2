package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"farley/internal/blob"
)

// openFiles opens the store of files: address, or the folder files of the data folder.
func openFiles(address, data string) (blob.Store, error) {
	if address != "" {
		return blob.Open(address)
	}
	folder, err := filepath.Abs(filepath.Join(data, "files"))
	if err != nil {
		return nil, err
	}
	return blob.NewFolder(folder)
}

// checkFiles tries the store of files. It makes no folder: the server does.
func checkFiles(ctx context.Context, in *inspection, report reporter) {
	folder := filepath.Join(in.Data, "files")
	if u, err := url.Parse(in.Files); err == nil && u.Scheme == "folder" {
		folder = u.Path
	}
	u, err := url.Parse(in.Files)
	if in.Files == "" || err == nil && u.Scheme == "folder" && u.Path != "" {
		if _, err := os.Stat(folder); os.IsNotExist(err) {
			report("files", nil, "%s is not there yet; the server makes it", folder)
			return
		}
	}
	store, err := openFiles(in.Files, in.Data)
	if err != nil {
		report("files", err, "")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	err = store.Check(ctx)
	if err != nil {
		err = fmt.Errorf("%s: %w", store, err)
	}
	report("files", err, "%s can be written and read", store)
}
