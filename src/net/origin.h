#ifndef PAWL_NET_ORIGIN_H
#define PAWL_NET_ORIGIN_H

// Keeps web pages out. A browser lets any page that its user visits send requests to a port of the
// user's machine; the page cannot read the answers, but the requests are carried out. So what a
// browser marks as coming from another site is refused, and so is a name for this machine that is
// not ours: by DNS rebinding a page's own name leads here, and its requests carry no mark.
//
//   Origin: is not the host that was asked        refused   (Fetch standard, 3.2)
//   Sec-Fetch-Site: cross-site or same-site       refused, but for following a link
//   Host: a public name, on a loopback address    refused
//
// Programs other than browsers send none of these. Dapr's --allowed-origins lets pages in, and
// answers them with the headers of CORS as daprd does.

#include "net/request.h"

struct pawl_origins {
    char *text;                // the list, in lower case
    struct pawl_str *patterns; // in |text|; one '*' in each stands for anything
    size_t count;
};

// |list|: origins, separated by commas; NULL or "": none. False when memory is out.
bool pawl__origins_init(struct pawl_origins *origins, const char *list);
void pawl__origins_finish(struct pawl_origins *origins);

// Whether |request| may be carried out; its answer then gets the CORS headers that the page needs.
// If not, it has been answered.
bool pawl__origins_admit(const struct pawl_origins *origins, struct pawl_request *request);

#endif
