noinst_LIBRARIES += %D%/libserver.a
%C%_libserver_a_SOURCES = \
  %D%/server.c %D%/server.h %D%/listener.c %D%/listener.h \
  %D%/loop.c %D%/loop.h %D%/client.c %D%/client.h %D%/block.c %D%/block.h \
  %D%/request.c %D%/request.h %D%/headers.c %D%/headers.h \
  %D%/account.c %D%/account.h %D%/delay.c %D%/delay.h \
  %D%/inflate.c %D%/inflate.h \
  %D%/quota.c %D%/quota.h %D%/rate.c %D%/rate.h %D%/refusals.c %D%/refusals.h \
  %D%/tenants.c %D%/tenants.h \
  %D%/route.c %D%/route.h %D%/routes.def %D%/limits.c %D%/limits.h \
  %D%/pages.h %D%/produce.c %D%/produce.h %D%/deadline.c %D%/deadline.h %D%/reply.c %D%/reply.h
page_files = openapi/openapi.yaml=/openapi.yaml=application/yaml \
  "openapi/docs.html=/docs=text/html; charset=utf-8"
nodist_%C%_libserver_a_SOURCES = %D%/pages_data.c
EXTRA_DIST += scripts/embed-pages
CLEANFILES += %D%/pages_data.c
BUILT_SOURCES += %D%/pages_data.c
%D%/pages_data.c: scripts/embed-pages openapi/openapi.yaml openapi/docs.html
	$(AM_V_GEN)$(MKDIR_P) %D% && \
	$(SHELL) $(srcdir)/scripts/embed-pages $(srcdir) $(page_files) > $@.tmp && mv -f $@.tmp $@
%C%_libserver_a_CPPFLAGS = $(AM_CPPFLAGS) $(MHD_CFLAGS) $(COMPRESSION_CFLAGS)
server_libs = server/libserver.a handlers/libhandlers.a catalog/libcatalog.a kafka/libkafka.a \
  postgres/libpostgres.a schemas/libschemas.a admin/libadmin.a base/libbase.a \
  $(MHD_LIBS) $(RDKAFKA_LIBS) $(LIBPQ_LIBS) $(JANSSON_LIBS) $(COMPRESSION_LIBS) $(CRYPTO_LIBS)
bin_PROGRAMS += bxb-server
bxb_server_SOURCES = %D%/main.c
bxb_server_LDADD = $(server_libs)
EXTRA_DIST += %D%/README.md
