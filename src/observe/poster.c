#include "observe/poster.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "observe/curl.h"

enum {
    POSTER_ANSWER = 512 // bytes of an answer that are kept, to be told
};

struct pawl_poster {
    CURL *easy;
    struct curl_slist *headers;
    char *url;
    bool grpc;
    int64_t timeout;
    atomic_llong until; // steady; LLONG_MAX: not in a hurry
    int grpc_status;    // of the answer; -1: it had none
    struct pawl_buf body;
    size_t answer_len;
    char answer[POSTER_ANSWER];
    char reason[CURL_ERROR_SIZE];
};

static size_t poster_on_data(char *data, size_t size, size_t count, void *arg) {
    struct pawl_poster *poster = arg;
    size_t len = size * count, room = sizeof poster->answer - 1 - poster->answer_len;
    size_t kept = len < room ? len : room;
    memcpy(poster->answer + poster->answer_len, data, kept);
    poster->answer_len += kept;
    return len;
}

// Trailers come as headers do.
static size_t poster_on_header(char *data, size_t size, size_t count, void *arg) {
    struct pawl_poster *poster = arg;
    struct pawl_str line = {data, size * count};
    struct pawl_str name = pawl__str_cut(&line, ':');
    while (line.len && (*line.data == ' ')) line.data++, line.len--;
    while (line.len && (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == '\n'))
        line.len--;
    int64_t status;
    if (pawl__str_equal_nocase(name, PAWL_STR("grpc-status")) &&
        pawl__str_to_int(line, 0, 99, &status))
        poster->grpc_status = (int)status;
    if (pawl__str_equal_nocase(name, PAWL_STR("grpc-message")) && line.len) {
        poster->answer_len = 0;
        poster_on_data((char *)line.data, 1, line.len, poster);
        poster->answer_len = pawl__str_unescape(poster->answer, poster->answer_len);
    }
    return size * count;
}

static int poster_on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    struct pawl_poster *poster = arg;
    return pawl__clock_steady() >= atomic_load(&poster->until);
}

static bool poster_add_header(struct pawl_poster *poster, const char *line) {
    struct curl_slist *longer = curl_slist_append(poster->headers, line);
    if (longer) poster->headers = longer;
    return longer;
}

static bool poster_add_headers(struct pawl_poster *poster,
                               const struct pawl_poster_options *options) {
    char line[256];
    snprintf(line, sizeof line, "content-type: %s", options->content_type);
    bool ok = poster_add_header(poster, line) && poster_add_header(poster, "expect:");
    if (options->grpc) ok = ok && poster_add_header(poster, "te: trailers");
    for (size_t i = 0; ok && i < options->header_count; i++)
        ok = poster_add_header(poster, options->headers[i]);
    return ok;
}

static CURLcode poster_set_up(struct pawl_poster *poster) {
    const long quick = 1;
    CURL *easy = poster->easy;
    bool secure = strncmp(poster->url, "https:", 6) == 0;
    long version = CURL_HTTP_VERSION_1_1;
    if (poster->grpc)
        version = secure ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, poster->url);
#define SET(option, value)                                                                         \
    if (!code) code = curl_easy_setopt(easy, option, value)
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, version);
    // On an HTTP/2 connection that is used again, libcurl 7.88 fails with "Error in the HTTP2
    // framing layer" against servers of grpc-go, and at each later call, too.
    SET(CURLOPT_FORBID_REUSE, poster->grpc ? 1L : 0L);
    SET(CURLOPT_HTTPHEADER, poster->headers);
    SET(CURLOPT_ERRORBUFFER, poster->reason);
    SET(CURLOPT_NOSIGNAL, quick);
    SET(CURLOPT_POST, quick);
    SET(CURLOPT_WRITEFUNCTION, poster_on_data);
    SET(CURLOPT_WRITEDATA, poster);
    SET(CURLOPT_HEADERFUNCTION, poster_on_header);
    SET(CURLOPT_HEADERDATA, poster);
    SET(CURLOPT_XFERINFOFUNCTION, poster_on_progress);
    SET(CURLOPT_XFERINFODATA, poster);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_TIMEOUT_MS, (long)(poster->timeout / PAWL_MILLISECOND));
#undef SET
    return code;
}

// Whether curl can make sense of |url|, and it is one of ours.
static bool poster_url_is_valid(const char *url) {
    CURLU *parsed = curl_url();
    char *scheme = NULL;
    bool ok = parsed && !curl_url_set(parsed, CURLUPART_URL, url, 0) &&
              !curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    curl_url_cleanup(parsed);
    return ok;
}

enum pawl_err pawl__poster_create(const struct pawl_poster_options *options,
                                  struct pawl_poster **out, struct pawl_error *error) {
    enum pawl_err err = pawl__curl_load(error);
    if (err) return err;
    if (!poster_url_is_valid(options->url))
        return pawl__fail(error, PAWL_E_INVALID,
                          "'%s' is not an address, which would be like http://localhost:9411/path",
                          options->url);
    struct pawl_poster *poster = calloc(1, sizeof *poster);
    if (!poster) return pawl__fail_plain(error, PAWL_E_NOMEM);
    atomic_init(&poster->until, INT64_MAX);
    poster->grpc = options->grpc;
    poster->timeout = options->timeout;
    poster->url = pawl__str_dup(pawl__str(options->url));
    poster->easy = curl_easy_init();
    if (!poster->url || !poster->easy || !poster_add_headers(poster, options) ||
        poster_set_up(poster)) {
        pawl__poster_destroy(poster);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    *out = poster;
    return PAWL_OK;
}

void pawl__poster_destroy(struct pawl_poster *poster) {
    if (!poster) return;
    curl_easy_cleanup(poster->easy);
    curl_slist_free_all(poster->headers);
    pawl__buf_finish(&poster->body);
    free(poster->url);
    free(poster);
}

void pawl__poster_hurry(struct pawl_poster *poster, int64_t until) {
    atomic_store(&poster->until, until);
}

// The body as it is sent: a gRPC message stands behind a head of five bytes.
static struct pawl_str poster_frame(struct pawl_poster *poster, struct pawl_str body) {
    if (!poster->grpc) return body;
    const uint8_t head[5] = {0, (uint8_t)(body.len >> 24), (uint8_t)(body.len >> 16),
                             (uint8_t)(body.len >> 8), (uint8_t)body.len};
    pawl__buf_clear(&poster->body);
    pawl__buf_append(&poster->body, head, sizeof head);
    pawl__buf_append_str(&poster->body, body);
    return poster->body.failed ? (struct pawl_str){0} : pawl__buf_str(&poster->body);
}

static enum pawl_err poster_judge(struct pawl_poster *poster, struct pawl_error *error) {
    enum {
        CANCELLED = 1,
        DEADLINE = 4,
        EXHAUSTED = 8,
        ABORTED = 10,
        UNAVAILABLE = 14
    };
    long status = 0;
    curl_easy_getinfo(poster->easy, CURLINFO_RESPONSE_CODE, &status);
    poster->answer[poster->answer_len] = 0;
    bool again = status == 429 || status == 502 || status == 503 || status == 504;
    if (!poster->grpc || status != 200) {
        if (status >= 200 && status < 300 && !poster->grpc) return PAWL_OK;
        return pawl__fail(error, again ? PAWL_E_UNAVAILABLE : PAWL_E_UNKNOWN,
                          "it answered with status %ld: %s", status, poster->answer);
    }
    if (poster->grpc_status == 0) return PAWL_OK;
    int code = poster->grpc_status;
    again = code < 0 || code == CANCELLED || code == DEADLINE || code == EXHAUSTED ||
            code == ABORTED || code == UNAVAILABLE;
    return pawl__fail(error, again ? PAWL_E_UNAVAILABLE : PAWL_E_UNKNOWN,
                      "it answered with gRPC status %d: %s", code, code < 0 ? "" : poster->answer);
}

enum pawl_err pawl__poster_send(struct pawl_poster *poster, struct pawl_str body,
                                struct pawl_error *error) {
    struct pawl_str framed = poster_frame(poster, body);
    if (!framed.data) return pawl__fail_plain(error, PAWL_E_NOMEM);
    poster->answer_len = 0;
    poster->grpc_status = -1;
    poster->reason[0] = 0;
    curl_easy_setopt(poster->easy, CURLOPT_POSTFIELDS, framed.data);
    curl_easy_setopt(poster->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)framed.len);
    CURLcode code = curl_easy_perform(poster->easy);
    if (code == CURLE_OUT_OF_MEMORY) return pawl__fail_plain(error, PAWL_E_NOMEM);
    if (code)
        return pawl__fail(error, PAWL_E_UNAVAILABLE, "%s",
                          *poster->reason ? poster->reason : curl_easy_strerror(code));
    return poster_judge(poster, error);
}
