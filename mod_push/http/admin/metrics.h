#ifndef PUSH_METRICS_H
#define PUSH_METRICS_H

#include <httpd.h>

/* GET <admin>/metrics: all figures as text, for Prometheus. */
int push_show_metrics(request_rec *r, const char *none);

#endif
