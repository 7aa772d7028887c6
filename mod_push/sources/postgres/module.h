#ifndef PUSH_SOURCES_POSTGRES_MODULE_H
#define PUSH_SOURCES_POSTGRES_MODULE_H

#include <httpd.h>

#include <http_config.h>

/* The only symbol that mod_push_postgres_source.so exports. */
extern __attribute__((visibility("default")))
module AP_MODULE_DECLARE_DATA push_postgres_source_module;

#endif
