#ifndef PUSH_ADMIN_RECEIPT_H
#define PUSH_ADMIN_RECEIPT_H

#include <httpd.h>

/* GET <admin>/receipts/<mid>: whether a message has been acknowledged. */
int push_show_receipt(request_rec *r, const char *mid);

#endif
