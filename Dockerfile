# Farley as one static binary and nothing else.
#
#   docker build -t farley .
#   docker run -p 8080:8080 -v farley:/data farley

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# release.pgo says where requests spend their time; CONTRIBUTING.md has how it is made.
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -pgo=cmd/farley/release.pgo -ldflags='-s -w' -o /out/farley ./cmd/farley
RUN mkdir /out/data

FROM scratch
COPY --from=build /out/farley /farley
# The folder for the database and the keys belongs to the user that the server runs as; a volume takes that over.
COPY --from=build --chown=65532:65532 --chmod=0700 /out/data /data
# For TLS to the database.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt

ENV FARLEY_ADDR=0.0.0.0:8080 FARLEY_DATA=/data
USER 65532:65532
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["/farley", "check", "--url", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["/farley"]
CMD ["serve"]
