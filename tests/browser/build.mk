# The demo page and native EventSource in a headless Chromium, against a real
# httpd with the module.

DEB_PACKAGES  += nodejs npm chromium
BROWSER_TESTS += $(sort $(wildcard tests/browser/test_*.js))
NPM_STAMPS    += tests/browser/node_modules/.stamp

tests/browser/node_modules/.stamp: tests/browser/package-lock.json
	$(call say,NPM,tests/browser)
	$(Q)cd tests/browser && npm ci --no-audit --no-fund --silent
	@touch $@

PAGES := tests/browser/*.js tests/monitoring/*.mjs conf/examples/demo/*.js conf/examples/demo/*.css \
         conf/examples/demo/board/*.js conf/examples/demo/board/*.css \
         conf/dashboard/*.js conf/dashboard/*.css
PRETTIER := tests/browser/node_modules/.bin/prettier \
            --config tests/browser/package.json --log-level warn

LINT_TARGETS   += lint-pages
FORMAT_TARGETS += format-pages

.PHONY: lint-pages
lint-pages: tests/browser/node_modules/.stamp
	$(Q)$(PRETTIER) --check $(PAGES)

.PHONY: format-pages
format-pages: tests/browser/node_modules/.stamp
	$(Q)$(PRETTIER) --write $(PAGES)
