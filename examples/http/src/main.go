// Command http answers each request with one line.
package main

import (
	"log"
	"net/http"
	"os"
)

func main() {
	log.SetFlags(0)
	address := os.Getenv("LISTEN")
	http.HandleFunc("GET /{$}", func(response http.ResponseWriter, request *http.Request) {
		response.Write([]byte("hello from a measured image\n"))
	})
	log.Print("listening on ", address)
	log.Fatal(http.ListenAndServe(address, nil))
}
