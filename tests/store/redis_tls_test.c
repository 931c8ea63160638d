// Redis with TLS: whom the store believes, and what it says of whom it does not.

#include "helper.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "redis_server.h"
#include "store/redis/internal.h"

static struct redis_server server, plain;
static int tls_port;

// --- certificates -------------------------------------------------------------------------------

// Runs a command in the server's folder.
static void run(const char *command) {
    char line[1024];
    snprintf(line, sizeof line, "cd '%s' && { %s; } >/dev/null 2>&1", server.folder, command);
    if (system(line)) fail_msg("%s", line);
}

// A certificate |name|.crt with a key |name|.key for |names|, signed by |authority|.
static void make_certificate(const char *name, const char *names, const char *authority) {
    char command[800];
    snprintf(command, sizeof command,
             "openssl req -newkey rsa:2048 -nodes -keyout %s.key -subj /CN=%s -out %s.csr && "
             "echo subjectAltName=%s >%s.ext && "
             "openssl x509 -req -in %s.csr -CA %s.crt -CAkey %s.key -CAcreateserial -days 2 "
             "-extfile %s.ext -out %s.crt",
             name, name, name, names, name, name, authority, authority, name, name);
    run(command);
}

static const char *read_text(struct fixture *f, const char *name) {
    char path[64], text[8192];
    snprintf(path, sizeof path, "%s/%s", server.folder, name);
    int fd = open(path, O_RDONLY);
    ssize_t len = read(fd, text, sizeof text);
    close(fd);
    assert_true(len > 0);
    return pawl__arena_dup(&f->arena, (struct pawl_str){text, (size_t)len});
}

static void trust(const char *name) {
    char path[64];
    snprintf(path, sizeof path, "%s/%s", server.folder, name);
    setenv("SSL_CERT_FILE", path, 1);
}

static void start(bool asks) {
    static char port[12];
    static const char *flags[] = {"--tls-port",
                                  port,
                                  "--tls-cert-file",
                                  "server.crt",
                                  "--tls-key-file",
                                  "server.key",
                                  "--tls-ca-cert-file",
                                  "ca.crt",
                                  "--tls-auth-clients",
                                  "no",
                                  NULL};
    snprintf(port, sizeof port, "%d", tls_port);
    flags[9] = asks ? "yes" : "no";
    server.flags = flags;
    redis_server_start(&server);
}

static struct pawl_redis_options where(const char *host) {
    return (struct pawl_redis_options){
        .host = host, .port = tls_port, .tls = true, .dial_timeout = 20 * PAWL_SECOND};
}

// Opens the store, and uses it when that works.
static enum pawl_err try(struct fixture *f, const struct pawl_redis_options *options) {
    struct pawl_store *store;
    enum pawl_err err = pawl__redis_open(options, &store, &f->error);
    if (!err) store->ops->close(store);
    return err;
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    *state = f;
    trust("ca.crt");
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    pawl__arena_finish(&f->arena);
    free(f);
    return 0;
}

// --- tests --------------------------------------------------------------------------------------

// Rows longer than a record of TLS, and a server that ends and comes again.
static void test_all_goes_over_it(void **state) {
    struct fixture *f = *state;
    struct pawl_redis_options options = where("127.0.0.1");
    static char long_text[200 << 10];
    memset(long_text, 'x', sizeof long_text - 1);
    redis_ask(server.port, "FLUSHALL", NULL, 0);
    assert_ok(f, pawl__redis_open(&options, &f->store, &f->error));
    fixture_lease(f);
    assert_ok(f, t_append(f, 1, long_text));
    const char *log = t_log(f, f->lease.shard, 0);
    assert_int_equal(strlen(log), sizeof long_text - 1 + strlen("1= "));
    redis_server_stop(&server, SIGTERM); // which tells the connection's end in TLS's own way
    start(false);
    assert_ok(f, t_append(f, 2, "b"));
    redis_server_stop(&server, SIGKILL);
    struct pawl_batch batch = {3, PAWL_STR("c")};
    struct pawl_part part = {.lease = &f->lease, .batch = &batch};
    const struct pawl_commit all = {.parts = &part};
    assert_int_equal(f->store->ops->commit(f->store, &all, &f->error), PAWL_COMMIT_NOTHING);
    start(false);
    assert_int_equal(f->store->ops->commit(f->store, &all, &f->error), PAWL_COMMIT_DONE);
    f->store->ops->close(f->store);
}

static void test_whom_it_believes(void **state) {
    struct fixture *f = *state;
    struct pawl_redis_options name = where("localhost"), number = where("127.0.0.1");
    assert_ok(f, try(f, &name));
    assert_ok(f, try(f, &number));

    trust("other.crt");
    assert_err(PAWL_E_DENIED, try(f, &number));
    assert_text(f, "is not trusted");
    assert_text(f, "SSL_CERT_FILE");
    number.insecure = true;
    assert_ok(f, try(f, &number));

    trust("ca.crt");
    struct pawl_redis_options other = where("127.0.0.2"); // the certificate has 127.0.0.1 alone
    redis_ask(server.port, "CONFIG SET bind 0.0.0.0", NULL, 0);
    assert_err(PAWL_E_DENIED, try(f, &other));
    assert_text(f, "is not for \"127.0.0.2\"");
}

static void test_no_tls_there(void **state) {
    struct fixture *f = *state;
    struct pawl_redis_options options = where("127.0.0.1");
    options.port = plain.port;
    options.dial_timeout = 300 * PAWL_MILLISECOND; // a plain server waits for more, in silence
    assert_err(PAWL_E_UNAVAILABLE, try(f, &options));
    assert_text(f, "no TLS with Redis at 127.0.0.1");
    assert_text(f, "enableTLS");
    options = where("127.0.0.1");
    options.tls = false;
    assert_err(PAWL_E_UNAVAILABLE, try(f, &options));
    assert_text(f, "does it want TLS (enableTLS)?");
}

static void test_our_certificate(void **state) {
    struct fixture *f = *state;
    struct pawl_redis_options options = where("127.0.0.1");
    redis_server_stop(&server, SIGTERM);
    start(true);
    assert_err(PAWL_E_UNAVAILABLE, try(f, &options));
    assert_text(f, "clientCert and clientKey");
    options.client_cert = read_text(f, "client.crt");
    options.client_key = read_text(f, "client.key");
    assert_ok(f, try(f, &options));
    options.client_cert = read_text(f, "stranger.crt");
    options.client_key = read_text(f, "stranger.key");
    assert_err(PAWL_E_UNAVAILABLE, try(f, &options));
    assert_text(f, "trust the certificate of clientCert");
    options.client_key = read_text(f, "client.key");
    assert_err(PAWL_E_INVALID, try(f, &options));
    assert_text(f, "clientKey is not the key of clientCert");
    options.client_cert = "/etc/client.crt";
    assert_err(PAWL_E_INVALID, try(f, &options));
    assert_text(f, "clientCert is no certificate as PEM text");
    options.client_cert = read_text(f, "client.crt");
    options.client_key = "/etc/client.key";
    assert_err(PAWL_E_INVALID, try(f, &options));
    assert_text(f, "clientKey is no private key as PEM text");
}

int main(void) {
    if (!redis_server_exists() || access("/usr/bin/openssl", X_OK)) {
        printf("NOT TESTED: this needs redis-server and openssl\n");
        return 77;
    }
    signal(SIGPIPE, SIG_IGN);
    redis_server_prepare(&server);
    run("openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -subj /CN=ca -days 2 -out "
        "ca.crt");
    run("openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -subj /CN=other -days 2 "
        "-out other.crt");
    make_certificate("server", "DNS:localhost,IP:127.0.0.1", "ca");
    make_certificate("client", "DNS:client", "ca");
    make_certificate("stranger", "DNS:client", "other");
    tls_port = redis_free_port();
    start(false);
    redis_server_prepare(&plain);
    redis_server_start(&plain);
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {T(test_all_goes_over_it), T(test_whom_it_believes),
                                       T(test_no_tls_there), T(test_our_certificate)};
    int failed = cmocka_run_group_tests_name("redis with TLS", tests, NULL, NULL);
    redis_server_end(&server);
    redis_server_end(&plain);
    return failed;
}
