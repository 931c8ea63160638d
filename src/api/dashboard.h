#ifndef PAWL_API_DASHBOARD_H
#define PAWL_API_DASHBOARD_H

// The dashboard's page: files that are built into the program (dashboard/, cmake/Dashboard.cmake).

#include "net/router.h"

struct pawl_asset {
    const char *name; // of a page; other files have a hash of their bytes in their names
    const char *type; // for content-type
    const char *etag;
    struct pawl_str bytes, gzip;
};

// Ends with a row whose name is NULL.
extern const struct pawl_asset pawl__assets[];

// What a page's policy says about scripts and styles: of those that stand in the page, the hashes.
extern const char pawl__assets_inline[];

// The pages for one app, and for all apps of this machine. They differ only in a mark, which tells
// the page which it is.
#define PAWL_PAGE_APP  "index.html"
#define PAWL_PAGE_APPS "apps.html"

// Answers with a file; the empty name is |page|. For 'pawl dashboard', which has no api; a daemon
// has the routes below.
void pawl__dashboard_serve(struct pawl_request *request, const char *page, struct pawl_str name);

extern const struct pawl_route pawl__dashboard_routes[];
extern const size_t pawl__dashboard_route_count;

#endif
