EXTRA_DIST += %D%/openapi.yaml %D%/docs.html %D%/README.md
check-openapi:
	$(srcdir)/scripts/check-openapi $(srcdir)
.PHONY: check-openapi
