# The official PostgreSQL image with the extension in it:   docker build -t aggregation --build-arg PG_MAJOR=17 .
# Then, in a database of a container of it:                 CREATE EXTENSION aggregation; SELECT * FROM agg_setup();
ARG PG_MAJOR=17

FROM postgres:${PG_MAJOR} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ make "postgresql-server-dev-${PG_MAJOR}" \
 && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN make -C /src -j"$(nproc)" \
 && make -C /src install DESTDIR=/out \
 && find /out -name '*.so' -exec strip --strip-unneeded {} +

FROM postgres:${PG_MAJOR}
COPY --from=build /out/ /
# The background worker makes the bars of the databases that aggregation.databases names (docs/running.md).
RUN echo "shared_preload_libraries = 'aggregation'" >> /usr/share/postgresql/postgresql.conf.sample
