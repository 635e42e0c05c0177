# One image for all roles: `docker run healstream worker`, `agent`, `projector`, `init`. No install
# scripts run, no compiler and no developer tools are in it, and it does not run as root.
FROM node:20.20.2-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.base.json ./
COPY src ./src
RUN npx --no-install tsc -b
RUN npm prune --omit=dev --ignore-scripts

FROM node:20.20.2-bookworm-slim
LABEL org.opencontainers.image.title="healstream" \
  org.opencontainers.image.description="Self-healing control on Kafka" \
  org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
  HEALSTREAM_HTTP_PORT=8080 \
  HEALSTREAM_CACHE_DIR=/var/lib/healstream/cache \
  XDG_RUNTIME_DIR=/tmp
WORKDIR /app
COPY package.json LICENSE ./
COPY schemas ./schemas
COPY examples/demo ./examples/demo
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
RUN ln -s /app/dist/cli/main.js /usr/local/bin/healstream \
  && chmod 755 dist/cli/main.js \
  && install -d -o node -g node -m 0750 /var/lib/healstream
USER node
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.HEALSTREAM_HTTP_PORT}/readyz`, { signal: AbortSignal.timeout(2500) }).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["healstream"]
CMD ["--help"]
