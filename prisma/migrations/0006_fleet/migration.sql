-- The processes that run on this database. Each says every few seconds that it is alive and says goodbye when it stops;
-- one that was killed just falls silent. Beside a living fleet nobody may start who is configured for another place, or
-- who holds another key under the same id.
CREATE TABLE social_publisher.processes (
  id uuid PRIMARY KEY DEFAULT social_publisher.uuid_v7(),
  host text NOT NULL,
  pid integer NOT NULL,
  role text NOT NULL,
  -- As social_publisher.instance has them.
  public_url text,
  graph_host text NOT NULL,
  graph_base_url text NOT NULL,
  -- By the id of each encryption key what tells it from another one; the key cannot be told from it.
  key_checks jsonb NOT NULL,
  started_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  seen_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);
