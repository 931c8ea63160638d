#ifndef PAWL_OBSERVE_CURL_H
#define PAWL_OBSERVE_CURL_H

// libcurl, which is loaded with the first address that something is sent to: with all that it needs
// it would double the time of a start and the memory of a daemon that sends nothing. Its functions
// are called by their own names.

#define CURL_DISABLE_TYPECHECK // its macros call by other names
#include <curl/curl.h>

#include "base/library.h"

#define PAWL_CURL(X)                                                                               \
    X(curl_easy_cleanup)                                                                           \
    X(curl_easy_getinfo)                                                                           \
    X(curl_easy_init)                                                                              \
    X(curl_easy_perform)                                                                           \
    X(curl_easy_setopt)                                                                            \
    X(curl_easy_strerror)                                                                          \
    X(curl_free)                                                                                   \
    X(curl_global_init)                                                                            \
    X(curl_slist_append)                                                                           \
    X(curl_slist_free_all)                                                                         \
    X(curl_url)                                                                                    \
    X(curl_url_cleanup)                                                                            \
    X(curl_url_get)                                                                                \
    X(curl_url_set)

struct pawl_curl {
#define MEMBER(name) __typeof__(name) *name;
    PAWL_CURL(MEMBER)
#undef MEMBER
};
extern struct pawl_curl pawl__curl;

// Loads and initialises it, once; on any thread. PAWL_E_UNAVAILABLE: it is not installed.
enum pawl_err pawl__curl_load(struct pawl_error *error);

#undef curl_easy_getinfo
#undef curl_easy_setopt
#define curl_easy_cleanup(...)   pawl__curl.curl_easy_cleanup(__VA_ARGS__)
#define curl_easy_getinfo(...)   pawl__curl.curl_easy_getinfo(__VA_ARGS__)
#define curl_easy_init(...)      pawl__curl.curl_easy_init(__VA_ARGS__)
#define curl_easy_perform(...)   pawl__curl.curl_easy_perform(__VA_ARGS__)
#define curl_easy_setopt(...)    pawl__curl.curl_easy_setopt(__VA_ARGS__)
#define curl_easy_strerror(...)  pawl__curl.curl_easy_strerror(__VA_ARGS__)
#define curl_free(...)           pawl__curl.curl_free(__VA_ARGS__)
#define curl_global_init(...)    pawl__curl.curl_global_init(__VA_ARGS__)
#define curl_slist_append(...)   pawl__curl.curl_slist_append(__VA_ARGS__)
#define curl_slist_free_all(...) pawl__curl.curl_slist_free_all(__VA_ARGS__)
#define curl_url(...)            pawl__curl.curl_url(__VA_ARGS__)
#define curl_url_cleanup(...)    pawl__curl.curl_url_cleanup(__VA_ARGS__)
#define curl_url_get(...)        pawl__curl.curl_url_get(__VA_ARGS__)
#define curl_url_set(...)        pawl__curl.curl_url_set(__VA_ARGS__)

#endif
