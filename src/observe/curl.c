#include "observe/curl.h"

#include <pthread.h>

struct pawl_curl pawl__curl; // filled once

static struct pawl_error curl_error;

static void curl_load(void) {
    static const char *const names[] = {
#define NAME(name) #name,
        PAWL_CURL(NAME)
#undef NAME
            NULL};
    pawl__error_clear(&curl_error);
    if (!pawl__library_load("libcurl.so.4", names, &pawl__curl, &curl_error))
        curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum pawl_err pawl__curl_load(struct pawl_error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, curl_load);
    if (curl_error.code) *error = curl_error;
    return curl_error.code;
}
