# Prisma's client is generated from the schema, with development tools that the image itself does not carry.
FROM node:24-bookworm-slim AS generated
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY .config .config
COPY prisma prisma
RUN npm ci

# Optional packages are the embedded PostgreSQL, which an image has no use for.
FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24-bookworm-slim
ENV SOCIAL_PUBLISHER_IMAGE=1
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json ./
COPY prisma prisma
COPY docs docs
COPY workers workers
COPY bin bin
COPY src src
COPY --from=generated /app/src/db/generated src/db/generated
# By number, so that a cluster which insists on "not root" can tell without reading /etc/passwd.
USER 1000
EXPOSE 3000
CMD ["node", "src/main.ts"]
