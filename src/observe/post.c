#include "observe/post.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "observe/curl.h"

enum {
    POST_ANSWER = 512 // bytes of an answer that are kept, to be told
};

struct pawl_post {
    CURL *easy;
    struct curl_slist *headers;
    char *url;
    bool grpc;
    int64_t timeout;
    atomic_llong until; // steady; LLONG_MAX: not in a hurry
    int grpc_status;    // of the answer; -1: it had none
    struct pawl_buf body;
    size_t answer_len;
    char answer[POST_ANSWER];
    char reason[CURL_ERROR_SIZE];
};

static size_t post_on_data(char *data, size_t size, size_t count, void *arg) {
    struct pawl_post *post = arg;
    size_t len = size * count, room = sizeof post->answer - 1 - post->answer_len;
    size_t kept = len < room ? len : room;
    memcpy(post->answer + post->answer_len, data, kept);
    post->answer_len += kept;
    return len;
}

// Trailers come as headers do.
static size_t post_on_header(char *data, size_t size, size_t count, void *arg) {
    struct pawl_post *post = arg;
    struct pawl_str line = {data, size * count};
    struct pawl_str name = pawl__str_cut(&line, ':');
    while (line.len && (*line.data == ' ')) line.data++, line.len--;
    while (line.len && (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == '\n'))
        line.len--;
    int64_t status;
    if (pawl__str_equal_nocase(name, PAWL_STR("grpc-status")) &&
        pawl__str_to_int(line, 0, 99, &status))
        post->grpc_status = (int)status;
    if (pawl__str_equal_nocase(name, PAWL_STR("grpc-message")) && line.len) {
        post->answer_len = 0;
        post_on_data((char *)line.data, 1, line.len, post);
    }
    return size * count;
}

static int post_on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    struct pawl_post *post = arg;
    return pawl__clock_steady() >= atomic_load(&post->until);
}

static bool post_add_header(struct pawl_post *post, const char *line) {
    struct curl_slist *longer = curl_slist_append(post->headers, line);
    if (longer) post->headers = longer;
    return longer;
}

static bool post_add_headers(struct pawl_post *post, const struct pawl_post_options *options) {
    char line[256];
    snprintf(line, sizeof line, "content-type: %s", options->content_type);
    bool ok = post_add_header(post, line) && post_add_header(post, "expect:");
    if (options->grpc) ok = ok && post_add_header(post, "te: trailers");
    for (size_t i = 0; ok && i < options->header_count; i++)
        ok = post_add_header(post, options->headers[i]);
    return ok;
}

static CURLcode post_set_up(struct pawl_post *post) {
    const long quick = 1;
    CURL *easy = post->easy;
    bool secure = strncmp(post->url, "https:", 6) == 0;
    long version = CURL_HTTP_VERSION_1_1;
    if (post->grpc) version = secure ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, post->url);
#define SET(option, value)                                                                         \
    if (!code) code = curl_easy_setopt(easy, option, value)
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, version);
    // On an HTTP/2 connection that is used again, libcurl 7.88 fails with "Error in the HTTP2
    // framing layer" against servers of grpc-go, and at each later call, too.
    SET(CURLOPT_FORBID_REUSE, post->grpc ? 1L : 0L);
    SET(CURLOPT_HTTPHEADER, post->headers);
    SET(CURLOPT_ERRORBUFFER, post->reason);
    SET(CURLOPT_NOSIGNAL, quick);
    SET(CURLOPT_POST, quick);
    SET(CURLOPT_WRITEFUNCTION, post_on_data);
    SET(CURLOPT_WRITEDATA, post);
    SET(CURLOPT_HEADERFUNCTION, post_on_header);
    SET(CURLOPT_HEADERDATA, post);
    SET(CURLOPT_XFERINFOFUNCTION, post_on_progress);
    SET(CURLOPT_XFERINFODATA, post);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_TIMEOUT_MS, (long)(post->timeout / PAWL_MILLISECOND));
#undef SET
    return code;
}

// Whether curl can make sense of |url|, and it is one of ours.
static bool post_url_is_valid(const char *url) {
    CURLU *parsed = curl_url();
    char *scheme = NULL;
    bool ok = parsed && !curl_url_set(parsed, CURLUPART_URL, url, 0) &&
              !curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    curl_url_cleanup(parsed);
    return ok;
}

enum pawl_err pawl__post_create(const struct pawl_post_options *options, struct pawl_post **out,
                                struct pawl_error *error) {
    enum pawl_err err = pawl__curl_load(error);
    if (err) return err;
    if (!post_url_is_valid(options->url))
        return pawl__fail(error, PAWL_E_INVALID,
                          "'%s' is not an address, which would be like http://localhost:9411/path",
                          options->url);
    struct pawl_post *post = calloc(1, sizeof *post);
    if (!post) return pawl__fail_plain(error, PAWL_E_NOMEM);
    atomic_init(&post->until, INT64_MAX);
    post->grpc = options->grpc;
    post->timeout = options->timeout;
    post->url = pawl__str_dup(pawl__str(options->url));
    post->easy = curl_easy_init();
    if (!post->url || !post->easy || !post_add_headers(post, options) || post_set_up(post)) {
        pawl__post_destroy(post);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    *out = post;
    return PAWL_OK;
}

void pawl__post_destroy(struct pawl_post *post) {
    if (!post) return;
    curl_easy_cleanup(post->easy);
    curl_slist_free_all(post->headers);
    pawl__buf_finish(&post->body);
    free(post->url);
    free(post);
}

void pawl__post_hurry(struct pawl_post *post, int64_t until) {
    atomic_store(&post->until, until);
}

// The body as it is sent: a gRPC message stands behind a head of five bytes.
static struct pawl_str post_frame(struct pawl_post *post, struct pawl_str body) {
    if (!post->grpc) return body;
    const uint8_t head[5] = {0, (uint8_t)(body.len >> 24), (uint8_t)(body.len >> 16),
                             (uint8_t)(body.len >> 8), (uint8_t)body.len};
    pawl__buf_clear(&post->body);
    pawl__buf_append(&post->body, head, sizeof head);
    pawl__buf_append_str(&post->body, body);
    return post->body.failed ? (struct pawl_str){0} : pawl__buf_str(&post->body);
}

static enum pawl_err post_judge(struct pawl_post *post, struct pawl_error *error) {
    enum {
        CANCELLED = 1,
        DEADLINE = 4,
        EXHAUSTED = 8,
        ABORTED = 10,
        UNAVAILABLE = 14
    };
    long status = 0;
    curl_easy_getinfo(post->easy, CURLINFO_RESPONSE_CODE, &status);
    post->answer[post->answer_len] = 0;
    bool again = status == 429 || status == 502 || status == 503 || status == 504;
    if (!post->grpc || status != 200) {
        if (status >= 200 && status < 300 && !post->grpc) return PAWL_OK;
        return pawl__fail(error, again ? PAWL_E_UNAVAILABLE : PAWL_E_UNKNOWN,
                          "it answered with status %ld: %s", status, post->answer);
    }
    if (post->grpc_status == 0) return PAWL_OK;
    int code = post->grpc_status;
    again = code < 0 || code == CANCELLED || code == DEADLINE || code == EXHAUSTED ||
            code == ABORTED || code == UNAVAILABLE;
    return pawl__fail(error, again ? PAWL_E_UNAVAILABLE : PAWL_E_UNKNOWN,
                      "it answered with gRPC status %d: %s", code, code < 0 ? "" : post->answer);
}

enum pawl_err pawl__post_send(struct pawl_post *post, struct pawl_str body,
                              struct pawl_error *error) {
    struct pawl_str framed = post_frame(post, body);
    if (!framed.data) return pawl__fail_plain(error, PAWL_E_NOMEM);
    post->answer_len = 0;
    post->grpc_status = -1;
    post->reason[0] = 0;
    curl_easy_setopt(post->easy, CURLOPT_POSTFIELDS, framed.data);
    curl_easy_setopt(post->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)framed.len);
    CURLcode code = curl_easy_perform(post->easy);
    if (code == CURLE_OUT_OF_MEMORY) return pawl__fail_plain(error, PAWL_E_NOMEM);
    if (code)
        return pawl__fail(error, PAWL_E_UNAVAILABLE, "%s",
                          *post->reason ? post->reason : curl_easy_strerror(code));
    return post_judge(post, error);
}
