CREATE SCHEMA IF NOT EXISTS social_publisher;

-- UUIDv7 on every PostgreSQL from 15 on: 48 bits of milliseconds, the rest random.
CREATE FUNCTION social_publisher.uuid_v7() RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  bytes bytea := uuid_send(gen_random_uuid());
  millis bigint := floor(extract(epoch FROM clock_timestamp()) * 1000);
BEGIN
  bytes := overlay(bytes PLACING substring(int8send(millis) FROM 3) FROM 1 FOR 6);
  RETURN encode(set_byte(bytes, 6, (get_byte(bytes, 6) & 15) | 112), 'hex')::uuid;
END $$;

CREATE TABLE social_publisher.tenants (
  id uuid PRIMARY KEY DEFAULT social_publisher.uuid_v7(),
  name text NOT NULL,
  timezone text NOT NULL DEFAULT 'UTC',
  auto_publish boolean NOT NULL DEFAULT false,
  late_limit_s integer NOT NULL DEFAULT 7200 CHECK (late_limit_s >= 0),
  when_unknown text NOT NULL DEFAULT 'send_again' CHECK (when_unknown IN ('send_again', 'ask')),
  reference text,
  -- Whom to tell when a connection ends.
  contact_email text,
  created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX tenants_reference_key ON social_publisher.tenants (reference);

CREATE TABLE social_publisher.api_keys (
  id uuid PRIMARY KEY DEFAULT social_publisher.uuid_v7(),
  tenant_id uuid REFERENCES social_publisher.tenants (id) ON DELETE CASCADE ON UPDATE NO ACTION,
  name text NOT NULL,
  scope text NOT NULL CHECK (scope IN ('tenant', 'read', 'platform')),
  key_hash bytea NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  CHECK ((scope = 'platform') = (tenant_id IS NULL))
);
CREATE UNIQUE INDEX api_keys_key_hash_key ON social_publisher.api_keys (key_hash);
CREATE INDEX api_keys_tenant_id_idx ON social_publisher.api_keys (tenant_id);

-- The apps of tenants at Meta. A token belongs to the app that issued it, so one that was replaced stays as long as
-- integrations rest on it; new connections are made with the current one.
CREATE TABLE social_publisher.apps (
  tenant_id uuid NOT NULL REFERENCES social_publisher.tenants (id) ON DELETE CASCADE ON UPDATE NO ACTION,
  provider text NOT NULL,
  app_id text NOT NULL CHECK (app_id <> ''),
  sealed_secret text,
  config_id text,
  is_current boolean NOT NULL DEFAULT true,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, provider, app_id)
);
CREATE UNIQUE INDEX apps_current ON social_publisher.apps (tenant_id, provider) WHERE is_current;

-- The consent of one person to one app, on which the tokens of several accounts may rest.
CREATE TABLE social_publisher.logins (
  id uuid PRIMARY KEY DEFAULT social_publisher.uuid_v7(),
  tenant_id uuid NOT NULL REFERENCES social_publisher.tenants (id) ON DELETE CASCADE ON UPDATE NO ACTION,
  -- Empty: the operator's own.
  app_id text NOT NULL,
  -- App-scoped, as the provider's callbacks name the person.
  user_id text NOT NULL,
  sealed_token text NOT NULL,
  -- Null: it does not end by time.
  expires_at timestamptz(3),
  data_access_expires_at timestamptz(3),
  -- When it is exchanged for one that lasts longer; null: never. And how often in a row that failed.
  renew_at timestamptz(3),
  renewals_failed integer NOT NULL DEFAULT 0,
  created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX logins_tenant_id_app_id_user_id_key ON social_publisher.logins (tenant_id, app_id, user_id);
CREATE INDEX logins_renew ON social_publisher.logins (renew_at) WHERE renew_at IS NOT NULL;

CREATE TABLE social_publisher.integrations (
  id uuid PRIMARY KEY DEFAULT social_publisher.uuid_v7(),
  tenant_id uuid NOT NULL REFERENCES social_publisher.tenants (id) ON DELETE RESTRICT ON UPDATE NO ACTION,
  provider text NOT NULL,
  external_account_id text NOT NULL,
  name text,
  status text NOT NULL DEFAULT 'active'
    CHECK (status IN ('active', 'needs_reconnect', 'needs_permission', 'blocked', 'disconnected')),
  sealed_token text,
  app_id text NOT NULL DEFAULT '',
  -- Whose dialog the token comes from: it says which host takes it, and which app of the operator issued it.
  login text NOT NULL DEFAULT 'facebook' CHECK (login IN ('facebook', 'instagram')),
  login_id uuid REFERENCES social_publisher.logins (id) ON DELETE SET NULL ON UPDATE NO ACTION,
  -- The person behind the token, as that app knows them.
  user_id text,
  username text,
  -- When the token that it has now was saved.
  connected_at timestamptz(3),
  -- Null: it does not end by time, or nobody told.
  token_expires_at timestamptz(3),
  data_access_expires_at timestamptz(3),
  -- Null: nobody told.
  scopes text[],
  tasks text[],
  -- When the token is next proven, and when it is next exchanged for one that lasts longer, and how often in a row
  -- that has failed.
  proof_at timestamptz(3),
  renew_at timestamptz(3),
  renewals_failed integer NOT NULL DEFAULT 0,
  error jsonb,
  held_until timestamptz(3),
  -- Why it is held, {"scope", "text"}: an outage of the provider, or trouble of its app; null: a limit.
  held_for jsonb,
  -- Since when the provider has not answered its calls, and how many in a row; null and 0: it does.
  ailing_since timestamptz(3),
  ailing_failures integer NOT NULL DEFAULT 0,
  near_window_until timestamptz(3),
  verified_at timestamptz(3),
  -- How full the provider said its own budget is.
  usage_percent integer,
  usage_at timestamptz(3),
  -- When an integration that a person may heal at the provider is tried again.
  probe_at timestamptz(3),
  -- What the provider was seen to do for this account: per name {"value": "yes" or "no", "seen_at"}; absent: unknown.
  capabilities jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(capabilities) = 'object'),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX integrations_tenant_id_provider_external_account_id_key
  ON social_publisher.integrations (tenant_id, provider, external_account_id);
CREATE UNIQUE INDEX integrations_id_tenant_id_key ON social_publisher.integrations (id, tenant_id);

CREATE INDEX integrations_proof ON social_publisher.integrations (proof_at) WHERE proof_at IS NOT NULL;
CREATE INDEX integrations_renew ON social_publisher.integrations (renew_at) WHERE renew_at IS NOT NULL;
CREATE INDEX integrations_user ON social_publisher.integrations (user_id, app_id) WHERE user_id IS NOT NULL;
CREATE INDEX integrations_login ON social_publisher.integrations (login_id) WHERE login_id IS NOT NULL;

-- A person who was sent to a provider's dialog, until they return: once, within a quarter of an hour.
CREATE TABLE social_publisher.connect_states (
  state_hash bytea PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES social_publisher.tenants (id) ON DELETE CASCADE ON UPDATE NO ACTION,
  provider text NOT NULL,
  login text NOT NULL,
  app_id text NOT NULL,
  scopes text[] NOT NULL,
  redirect_url text NOT NULL,
  -- Of the cookie of the browser that was last sent on its way.
  browser_hash bytea,
  created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz(3) NOT NULL,
  used_at timestamptz(3)
);
CREATE INDEX connect_states_expires_at ON social_publisher.connect_states (expires_at);

-- What a person consented to, for the quarter of an hour in which accounts are chosen.
CREATE TABLE social_publisher.connections (
  id uuid PRIMARY KEY DEFAULT social_publisher.uuid_v7(),
  tenant_id uuid NOT NULL REFERENCES social_publisher.tenants (id) ON DELETE CASCADE ON UPDATE NO ACTION,
  provider text NOT NULL,
  login text NOT NULL,
  app_id text NOT NULL,
  user_id text,
  -- The grant and the accounts, with their tokens.
  sealed text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz(3) NOT NULL
);
CREATE INDEX connections_expires_at ON social_publisher.connections (expires_at);

-- Addresses under which people without an account here connect accounts for a tenant.
CREATE TABLE social_publisher.connect_links (
  token_hash bytea PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES social_publisher.tenants (id) ON DELETE CASCADE ON UPDATE NO ACTION,
  -- Null: any.
  provider text,
  created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz(3) NOT NULL
);
CREATE INDEX connect_links_expires_at ON social_publisher.connect_links (expires_at);

-- What the people of a tenant are told of a connection, each once.
CREATE TABLE social_publisher.notices (
  id uuid PRIMARY KEY DEFAULT social_publisher.uuid_v7(),
  integration_id uuid NOT NULL REFERENCES social_publisher.integrations (id) ON DELETE CASCADE ON UPDATE NO ACTION,
  kind text NOT NULL,
  -- The end, or the moment, that it tells of.
  about timestamptz(3) NOT NULL,
  state text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'sending', 'sent', 'unknown', 'dropped')),
  tries integer NOT NULL DEFAULT 0,
  next_at timestamptz(3),
  error text,
  created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  settled_at timestamptz(3)
);
CREATE UNIQUE INDEX notices_once ON social_publisher.notices (integration_id, kind, about);
CREATE INDEX notices_due ON social_publisher.notices (next_at) WHERE next_at IS NOT NULL;

-- People whose data a provider asked us to delete: what the confirmation code needs, and nothing else.
CREATE TABLE social_publisher.deletions (
  code text PRIMARY KEY,
  subject_hash bytea NOT NULL,
  requested_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  done_at timestamptz(3)
);
CREATE INDEX deletions_subject_hash ON social_publisher.deletions (subject_hash);

-- An app whose every call its provider refuses: its integrations are held, and one of them is tried now and then.
CREATE TABLE social_publisher.app_troubles (
  provider text NOT NULL,
  login text NOT NULL DEFAULT 'facebook',
  -- Empty: the operator's own.
  app_id text NOT NULL,
  -- Whose integrations it concerns; empty: those of all tenants.
  tenant_id text NOT NULL DEFAULT '',
  error jsonb NOT NULL,
  since timestamptz(3) NOT NULL DEFAULT now(),
  probe_at timestamptz(3) NOT NULL,
  -- Null while it lasts.
  healed_at timestamptz(3),
  PRIMARY KEY (provider, login, app_id, tenant_id)
);

CREATE TABLE social_publisher.social_posts (
  id uuid PRIMARY KEY DEFAULT social_publisher.uuid_v7(),
  tenant_id uuid NOT NULL REFERENCES social_publisher.tenants (id) ON DELETE RESTRICT ON UPDATE NO ACTION,
  integration_id uuid NOT NULL,
  provider text NOT NULL DEFAULT '',
  status text NOT NULL DEFAULT 'draft' CHECK (status IN (
    'draft', 'in_review', 'approved', 'queued', 'publishing', 'published', 'scheduled', 'drafted',
    'failed', 'unknown', 'missed', 'cancelled')),
  message text,
  link text,
  -- The link goes to the end of the text instead of being sent as a link of its own: photos may stand beside it then.
  append_link boolean NOT NULL DEFAULT false,
  media jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(media) = 'array'),
  publish_mode text CHECK (publish_mode IN ('draft', 'schedule', 'publish')),
  -- 'infinity' and years that no clock of ours can hold would break whoever reads the row.
  scheduled_at timestamptz(3) CHECK (scheduled_at >= '0001-01-01Z' AND scheduled_at < '9999-12-31Z'),
  scheduled_local text,
  timezone text,
  reference text,
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  version integer NOT NULL DEFAULT 1,
  run integer NOT NULL DEFAULT 0,
  tries integer NOT NULL DEFAULT 0,
  effective_mode text CHECK (effective_mode IN ('draft', 'schedule', 'publish')),
  calls integer NOT NULL DEFAULT 1,
  next_run_at timestamptz(3),
  lease_until timestamptz(3),
  verify_at timestamptz(3),
  verifications integer NOT NULL DEFAULT 0,
  -- When the provider last showed the post, and since when it says that there is none.
  seen_at timestamptz(3),
  missing_at timestamptz(3),
  external_id text,
  publish_url text,
  error jsonb,
  attention jsonb,
  waiting jsonb,
  -- An edit or a delete at the provider, made by a worker, and when it is next tried.
  change jsonb,
  change_at timestamptz(3),
  -- False once somebody said that an unknown post must not be sent again.
  resend boolean NOT NULL DEFAULT true,
  approved_at timestamptz(3),
  -- Since when a hidden post of this very content waits at the provider to be revealed.
  prepared_at timestamptz(3),
  published_at timestamptz(3),
  lateness_ms integer,
  internal_write boolean,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  FOREIGN KEY (integration_id, tenant_id)
    REFERENCES social_publisher.integrations (id, tenant_id) ON DELETE RESTRICT ON UPDATE NO ACTION
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

CREATE INDEX social_posts_tenant_id_id_idx ON social_publisher.social_posts (tenant_id, id DESC);
CREATE INDEX social_posts_tenant_id_updated_at_idx ON social_publisher.social_posts (tenant_id, updated_at);
CREATE INDEX social_posts_reference ON social_publisher.social_posts (tenant_id, reference)
  WHERE reference IS NOT NULL;
-- What the scheduler claims, per integration so that it can interleave them; and when it should wake up next.
CREATE INDEX social_posts_claim ON social_publisher.social_posts (integration_id, next_run_at)
  WHERE status = 'approved' AND next_run_at IS NOT NULL;
CREATE INDEX social_posts_wake ON social_publisher.social_posts (next_run_at)
  WHERE status = 'approved' AND next_run_at IS NOT NULL;
CREATE INDEX social_posts_unplanned ON social_publisher.social_posts (updated_at)
  WHERE status = 'approved' AND next_run_at IS NULL;
CREATE INDEX social_posts_in_flight ON social_publisher.social_posts (integration_id, provider, lease_until)
  WHERE status IN ('queued', 'publishing');
-- What must still go out, for the room that far hand-overs leave. Claims cannot use it: they would read all that waits.
CREATE INDEX social_posts_due ON social_publisher.social_posts (integration_id, scheduled_at)
  WHERE status = 'approved' AND scheduled_at IS NOT NULL;
CREATE INDEX social_posts_verify ON social_publisher.social_posts (verify_at) WHERE verify_at IS NOT NULL;
CREATE INDEX social_posts_change ON social_publisher.social_posts (change_at) WHERE change_at IS NOT NULL;
CREATE INDEX social_posts_attention ON social_publisher.social_posts (tenant_id, id DESC) WHERE attention IS NOT NULL;
-- The id first: calendars look posts up by it alone.
CREATE UNIQUE INDEX social_posts_external_id ON social_publisher.social_posts (external_id, provider)
  WHERE external_id IS NOT NULL;

CREATE TABLE social_publisher.publish_attempts (
  id uuid PRIMARY KEY DEFAULT social_publisher.uuid_v7(),
  post_id uuid NOT NULL REFERENCES social_publisher.social_posts (id) ON DELETE RESTRICT ON UPDATE NO ACTION,
  integration_id uuid NOT NULL,
  run integer NOT NULL,
  version integer NOT NULL,
  state text NOT NULL DEFAULT 'prepared'
    CHECK (state IN ('prepared', 'sent', 'confirmed', 'rejected', 'unknown', 'abandoned')),
  mode text NOT NULL CHECK (mode IN ('draft', 'schedule', 'publish')),
  content_hash text NOT NULL,
  content jsonb NOT NULL,
  scheduled_at timestamptz(3),
  staged jsonb NOT NULL DEFAULT '[]',
  calls jsonb NOT NULL DEFAULT '[]',
  budget_key text NOT NULL,
  reserved integer NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  -- How many of its calls the budget has on its books already.
  booked integer NOT NULL DEFAULT 0 CHECK (booked >= 0),
  -- Two steps: when the call that makes the hidden post was begun, if its answer is not there; what it made; and since
  -- when it is hidden, null once it was deleted again.
  creating_at timestamptz(3),
  hidden_id text,
  hidden_at timestamptz(3),
  -- Prepared, and no worker's: the next run goes on with it.
  resting boolean NOT NULL DEFAULT false,
  -- What lost answers may have left hidden at the provider, and when what is left of this attempt is next deleted.
  orphans jsonb NOT NULL DEFAULT '[]',
  drop_at timestamptz(3),
  started_at timestamptz(3) NOT NULL DEFAULT now(),
  sent_at timestamptz(3),
  owned_until timestamptz(3),
  settled_at timestamptz(3),
  external_id text,
  error jsonb,
  -- Unknown outcomes: a look at the provider is due at look_at; looks counts those made to their end without a result.
  looks integer NOT NULL DEFAULT 0,
  look_at timestamptz(3),
  -- Taken for absent and sent again: when to look once more whether it came after all.
  recheck_at timestamptz(3),
  evidence jsonb NOT NULL DEFAULT '[]',
  CHECK (state NOT IN ('sent', 'confirmed', 'unknown') OR sent_at IS NOT NULL)
);
CREATE UNIQUE INDEX publish_attempts_post_id_run_key ON social_publisher.publish_attempts (post_id, run);
-- The last line of "never twice": while one attempt is open, or one was confirmed, no other can be opened.
CREATE UNIQUE INDEX publish_attempts_one_open ON social_publisher.publish_attempts (post_id)
  WHERE state IN ('prepared', 'sent', 'unknown', 'confirmed');
-- Posts of equal content to one account go out one at a time, or an unknown outcome could not be bound. What has an id
-- before it is seen needs no binding.
CREATE UNIQUE INDEX publish_attempts_equal_content ON social_publisher.publish_attempts (integration_id, content_hash)
  WHERE state IN ('sent', 'unknown') AND hidden_id IS NULL;
CREATE INDEX publish_attempts_reserved ON social_publisher.publish_attempts (budget_key) WHERE reserved > 0;
CREATE INDEX publish_attempts_sent ON social_publisher.publish_attempts (owned_until) WHERE state = 'sent';
CREATE INDEX publish_attempts_look ON social_publisher.publish_attempts (look_at) WHERE state = 'unknown';
CREATE INDEX publish_attempts_recheck ON social_publisher.publish_attempts (recheck_at) WHERE recheck_at IS NOT NULL;
-- What attempts have left at the provider and nothing may use any more.
CREATE INDEX publish_attempts_leftovers ON social_publisher.publish_attempts (drop_at)
  WHERE (state IN ('prepared', 'rejected', 'abandoned') AND (staged <> '[]' OR hidden_at IS NOT NULL)) OR orphans <> '[]';
CREATE INDEX publish_attempts_hidden ON social_publisher.publish_attempts (hidden_id) WHERE hidden_id IS NOT NULL;
-- Under way, for the sweep that lets go of what an author has called off meanwhile.
CREATE INDEX publish_attempts_preparing ON social_publisher.publish_attempts (post_id)
  WHERE state = 'prepared' AND NOT resting;

CREATE TABLE social_publisher.call_usage (
  budget_key text NOT NULL,
  minute timestamptz(0) NOT NULL,
  calls integer NOT NULL,
  PRIMARY KEY (budget_key, minute)
);

CREATE TABLE social_publisher.idempotency_keys (
  scope text NOT NULL,
  key text NOT NULL,
  request_hash text NOT NULL,
  status integer,
  response jsonb,
  locked_until timestamptz(3) NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_created_at_idx ON social_publisher.idempotency_keys (created_at);

CREATE TABLE social_publisher.events (
  id bigserial PRIMARY KEY,
  position bigint,
  tenant_id uuid NOT NULL,
  -- Null: it is about the integration, and so are the statuses.
  post_id uuid,
  integration_id uuid NOT NULL,
  type text NOT NULL,
  from_status text,
  to_status text NOT NULL,
  -- Of the post.
  version integer,
  data jsonb NOT NULL DEFAULT '{}',
  at timestamptz(3) NOT NULL DEFAULT now()
);
-- Written three times a post, read now and then: an event enters the readers' indexes when it gets its position.
CREATE UNIQUE INDEX events_position ON social_publisher.events (position) WHERE position IS NOT NULL;
CREATE INDEX events_unnumbered ON social_publisher.events (id) WHERE position IS NULL;
CREATE INDEX events_tenant_position ON social_publisher.events (tenant_id, position) WHERE position IS NOT NULL;
CREATE INDEX events_post ON social_publisher.events USING hash (post_id);
CREATE SEQUENCE social_publisher.event_positions OWNED BY social_publisher.events.position;

CREATE TABLE social_publisher.pauses (
  id uuid PRIMARY KEY DEFAULT social_publisher.uuid_v7(),
  scope text NOT NULL CHECK (scope IN ('all', 'provider', 'tenant', 'integration')),
  -- A provider's name or an id; empty for `all`.
  target text NOT NULL DEFAULT '',
  reason text,
  created_by text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
-- The operator's pause of a tenant stands whatever the tenant does with its own.
CREATE UNIQUE INDEX pauses_scope_target_created_by_key ON social_publisher.pauses (scope, target, created_by);

-- When a canary job was last put into each queue, and when a worker last had one in hand.
CREATE TABLE social_publisher.canaries (
  queue text PRIMARY KEY,
  first_sent_at timestamptz(3) NOT NULL DEFAULT now(),
  sent_at timestamptz(3) NOT NULL,
  seen_at timestamptz(3)
);

CREATE TABLE social_publisher.replays (
  id uuid PRIMARY KEY DEFAULT social_publisher.uuid_v7(),
  filter jsonb NOT NULL,
  spread_s integer NOT NULL DEFAULT 0 CHECK (spread_s >= 0),
  scheduled_at timestamptz(3),
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'stopped')),
  created_by text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  ended_at timestamptz(3)
);

CREATE TABLE social_publisher.replay_items (
  replay_id uuid NOT NULL REFERENCES social_publisher.replays (id) ON DELETE CASCADE ON UPDATE NO ACTION,
  post_id uuid NOT NULL,
  version integer NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'skipped', 'stopped')),
  result jsonb NOT NULL DEFAULT '{}',
  run_at timestamptz(3) NOT NULL,
  PRIMARY KEY (replay_id, post_id)
);
CREATE INDEX replay_items_pending ON social_publisher.replay_items (run_at) WHERE state = 'pending';

-- What this installation was when it last ran: another database behind it, or another place before it, fences it.
CREATE TABLE social_publisher.instance (
  id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  queue_backend text CHECK (queue_backend IN ('redis', 'postgres')),
  system_identifier text,
  timeline_id integer,
  public_url text,
  graph_host text,
  -- Oids of the database and of this table: a dump that is read back into the same server changes nothing else.
  database_id text,
  fenced_at timestamptz(3),
  fence_reason text,
  -- What the process that fenced was configured with.
  fence_seen jsonb,
  -- The progress and the result of the last unfencing.
  unfencing jsonb,
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
INSERT INTO social_publisher.instance (id) VALUES (1);

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

-- What a person or a calendar may write. Refusals carry the SQL state SP409 and name the status.
--
-- A function that runs with its owner's rights must run nobody else's code. So each says first on which table it stands,
-- before it touches the row: on a table of an attacker's, the types of the columns bring checks and casts of theirs,
-- which a DECLARE that reads NEW or OLD would run already. And its search path holds no schema that anybody else could
-- be allowed to create in: a `format` of theirs that fits better than the built-in one would be called instead.
-- pg_temp stands last in every search path: left out it would come first, and a caller's temporary table or type would
-- hide the one that is meant. The functions without SECURITY DEFINER run with the rights of whoever calls them, which is
-- the program, and its session's search path is anybody's guess: they set theirs as well.
CREATE FUNCTION social_publisher.refuse(reason text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'SP409', MESSAGE = reason;
END $$;

-- What an author may write is bounded here and by no CHECK of the table: a CHECK is asked at every write, also when a
-- worker writes what became of a post that was larger before there were bounds, and that post would be lost. A little
-- above what the API takes, counted in bytes as it is stored; and in levels of JSON, as whoever writes JSON by recursion
-- fails on a depth that PostgreSQL still takes, and one post would hide a whole list.
CREATE FUNCTION social_publisher.refuse_oversize(
  written social_publisher.social_posts, before social_publisher.social_posts
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  -- The column and what it takes at most. One expression, as a query would cost more than the rest of the guard.
  broken text[] := CASE
    WHEN written.message IS DISTINCT FROM before.message AND octet_length(written.message) > 400000
      THEN ARRAY['message', '400000 bytes']
    WHEN written.link IS DISTINCT FROM before.link AND octet_length(written.link) > 32768
      THEN ARRAY['link', '32768 bytes']
    WHEN written.media IS DISTINCT FROM before.media AND octet_length(written.media::text) > 400000
      THEN ARRAY['media', '400000 bytes']
    WHEN written.media IS DISTINCT FROM before.media AND jsonb_path_exists(written.media, 'strict $.**{32}')
      THEN ARRAY['media', '32 levels']
    WHEN written.scheduled_local IS DISTINCT FROM before.scheduled_local AND octet_length(written.scheduled_local) > 256
      THEN ARRAY['scheduled_local', '256 bytes']
    WHEN written.timezone IS DISTINCT FROM before.timezone AND octet_length(written.timezone) > 256
      THEN ARRAY['timezone', '256 bytes']
    WHEN written.reference IS DISTINCT FROM before.reference AND octet_length(written.reference) > 2000
      THEN ARRAY['reference', '2000 bytes']
    WHEN written.metadata IS DISTINCT FROM before.metadata AND octet_length(written.metadata::text) > 65536
      THEN ARRAY['metadata', '65536 bytes']
    WHEN written.metadata IS DISTINCT FROM before.metadata AND jsonb_path_exists(written.metadata, 'strict $.**{32}')
      THEN ARRAY['metadata', '32 levels']
  END;
BEGIN
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'check_violation',
      MESSAGE = format('the %s is too large: a post takes at most %s', broken[1], broken[2]),
      SCHEMA = 'social_publisher', TABLE = 'social_posts', COLUMN = broken[1];
  END IF;
END $$;

-- A statement that changes nothing leaves every column as it was: pollers of updated_at see no news.
CREATE FUNCTION social_publisher.touch_if_changed(
  old_post social_publisher.social_posts, new_post social_publisher.social_posts
) RETURNS social_publisher.social_posts LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF new_post IS DISTINCT FROM old_post THEN
    new_post.updated_at := clock_timestamp();
  END IF;
  RETURN new_post;
END $$;

-- Around its time a scheduled post is the provider's: Meta refuses changes from three minutes before, and publishes at or
-- soon after. One that is still not live then can be called off again.
CREATE FUNCTION social_publisher.is_untouchable(due_at timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN due_at > clock_timestamp() - interval '10 minutes' AND due_at < clock_timestamp() + interval '5 minutes';
END $$;

CREATE FUNCTION social_publisher.guard_post_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_RELID <> 'social_publisher.social_posts'::regclass THEN
    RAISE EXCEPTION 'guard_post_insert() belongs to social_publisher.social_posts, not to %', TG_RELID::regclass;
  END IF;
  IF NEW.status NOT IN ('draft', 'in_review', 'approved') THEN
    PERFORM social_publisher.refuse(format('a post cannot be created as %s: only as draft, in_review or approved', NEW.status));
  END IF;
  PERFORM social_publisher.refuse_oversize(NEW, NULL);
  SELECT i.provider INTO NEW.provider FROM social_publisher.integrations i WHERE i.id = NEW.integration_id;
  NEW.provider := coalesce(NEW.provider, '');
  NEW.version := 1; NEW.run := 0; NEW.tries := 0; NEW.effective_mode := NULL; NEW.calls := 1;
  NEW.next_run_at := NULL; NEW.lease_until := NULL; NEW.verify_at := NULL; NEW.verifications := 0;
  NEW.external_id := NULL; NEW.publish_url := NULL; NEW.error := NULL; NEW.attention := NULL;
  NEW.waiting := NULL; NEW.change := NULL; NEW.change_at := NULL; NEW.prepared_at := NULL;
  NEW.seen_at := NULL; NEW.missing_at := NULL; NEW.resend := true; NEW.published_at := NULL; NEW.lateness_ms := NULL;
  NEW.internal_write := NULL;
  NEW.approved_at := CASE WHEN NEW.status = 'approved' THEN clock_timestamp() END;
  NEW.created_at := clock_timestamp(); NEW.updated_at := NEW.created_at;
  RETURN NEW;
END $$;

CREATE FUNCTION social_publisher.guard_post_update() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  content_changed boolean;
  was_sent boolean;
  wanted text;
  changed social_publisher.social_posts;
BEGIN
  IF TG_RELID <> 'social_publisher.social_posts'::regclass THEN
    RAISE EXCEPTION 'guard_post_update() belongs to social_publisher.social_posts, not to %', TG_RELID::regclass;
  END IF;
  content_changed :=
    (NEW.message, NEW.link, NEW.append_link, NEW.media, NEW.publish_mode, NEW.scheduled_at, NEW.integration_id)
    IS DISTINCT FROM (OLD.message, OLD.link, OLD.append_link, OLD.media, OLD.publish_mode, OLD.scheduled_at,
      OLD.integration_id);
  was_sent := OLD.status IN ('published', 'scheduled', 'drafted', 'unknown');
  wanted := NEW.status;
  changed := OLD;

  IF (NEW.id, NEW.tenant_id) IS DISTINCT FROM (OLD.id, OLD.tenant_id) THEN
    PERFORM social_publisher.refuse(format('the id and the tenant of a post cannot change (status %s)', OLD.status));
  END IF;
  PERFORM social_publisher.refuse_oversize(NEW, OLD);
  -- The sender locks this row before it commits an attempt as sent, and so did we: what is read here holds.
  -- Only a transaction that keeps an older snapshot would miss it; locking the attempt makes that one fail (40001).
  IF NOT was_sent AND current_setting('transaction_isolation') <> 'read committed' THEN
    PERFORM FROM social_publisher.publish_attempts a
      WHERE a.post_id = OLD.id AND a.state IN ('prepared', 'sent', 'unknown', 'confirmed') FOR SHARE;
  END IF;
  was_sent := was_sent OR EXISTS (
    SELECT FROM social_publisher.publish_attempts a WHERE a.post_id = OLD.id AND a.state IN ('sent', 'unknown', 'confirmed'));

  -- Everything that is not the author's stays as it is, whatever the statement says.
  changed.reference := NEW.reference; changed.metadata := NEW.metadata;

  IF was_sent THEN
    IF content_changed THEN
      PERFORM social_publisher.refuse(format('the post is %s: its content can no longer change', OLD.status));
    END IF;
    -- Of an unknown post, cancel means: whatever is found, do not send it again.
    IF wanted = 'cancelled' AND OLD.status = 'unknown' THEN
      changed.resend := false;
      -- Where looking had ended with a question, the next look ends it.
      IF OLD.resend THEN
        UPDATE social_publisher.publish_attempts SET look_at = clock_timestamp() WHERE post_id = OLD.id AND state = 'unknown';
      END IF;
      RETURN social_publisher.touch_if_changed(OLD, changed);
    END IF;
    -- Of one that the provider holds, cancel asks a worker to delete it there first.
    IF wanted = 'cancelled' AND OLD.status IN ('scheduled', 'drafted') THEN
      IF OLD.status = 'scheduled' AND OLD.change ->> 'state' IS DISTINCT FROM 'pending'
        AND social_publisher.is_untouchable(OLD.scheduled_at) THEN
        PERFORM social_publisher.refuse('the post is scheduled and due within 5 minutes, or was just now: it can no longer be cancelled');
      END IF;
      IF OLD.change ->> 'state' IS DISTINCT FROM 'pending' THEN
        changed.change := jsonb_build_object('kind', 'cancel', 'state', 'pending', 'error', NULL,
          'requested_at', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));
        changed.change_at := clock_timestamp();
      ELSIF OLD.change ->> 'kind' <> 'cancel' THEN
        PERFORM social_publisher.refuse('an edit of the post is under way at the network: cancel it once that is done');
      END IF;
      RETURN social_publisher.touch_if_changed(OLD, changed);
    END IF;
    IF wanted NOT IN (OLD.status, 'approved') THEN
      PERFORM social_publisher.refuse(format('the post is %s: it cannot become %s', OLD.status, wanted));
    END IF;
    RETURN social_publisher.touch_if_changed(OLD, changed);
  END IF;

  IF wanted = 'approved' AND OLD.status IN ('queued', 'publishing') THEN
    wanted := OLD.status;
  END IF;
  -- In brackets: PL/pgSQL would take the first THEN inside for its own.
  IF wanted <> OLD.status AND NOT (CASE OLD.status
      WHEN 'draft' THEN wanted IN ('in_review', 'approved', 'cancelled')
      WHEN 'in_review' THEN wanted IN ('draft', 'approved', 'cancelled')
      WHEN 'approved' THEN wanted IN ('draft', 'in_review', 'cancelled')
      WHEN 'queued' THEN wanted IN ('draft', 'in_review', 'cancelled')
      WHEN 'publishing' THEN wanted IN ('draft', 'in_review', 'cancelled')
      WHEN 'failed' THEN wanted IN ('approved', 'cancelled')
      WHEN 'missed' THEN wanted IN ('approved', 'cancelled')
      ELSE false END) THEN
    PERFORM social_publisher.refuse(format('the post is %s: it cannot become %s', OLD.status, wanted));
  END IF;
  IF content_changed AND OLD.status = 'cancelled' THEN
    PERFORM social_publisher.refuse('the post is cancelled: its content can no longer change');
  END IF;

  changed.message := NEW.message; changed.link := NEW.link; changed.append_link := NEW.append_link;
  changed.media := NEW.media;
  changed.publish_mode := NEW.publish_mode; changed.scheduled_at := NEW.scheduled_at;
  changed.scheduled_local := NEW.scheduled_local; changed.timezone := NEW.timezone;
  IF NEW.integration_id <> OLD.integration_id THEN
    changed.integration_id := NEW.integration_id;
    SELECT i.provider INTO changed.provider FROM social_publisher.integrations i WHERE i.id = NEW.integration_id;
    changed.provider := coalesce(changed.provider, '');
  END IF;
  IF content_changed THEN
    changed.version := OLD.version + 1;
    -- A wall time belongs to the instant it was given with.
    IF NEW.scheduled_at IS DISTINCT FROM OLD.scheduled_at
      AND (NEW.scheduled_local, NEW.timezone) IS NOT DISTINCT FROM (OLD.scheduled_local, OLD.timezone) THEN
      changed.scheduled_local := NULL; changed.timezone := NULL;
    END IF;
    -- An edit while the attempt is only prepared wins: the sender finds another version and stops.
    IF OLD.status = 'publishing' AND wanted = 'publishing' THEN
      wanted := 'approved';
    END IF;
    -- What is approved is this content: "asked for nearer than ten minutes" is judged from here.
    IF OLD.status IN ('approved', 'queued', 'publishing') THEN
      changed.approved_at := clock_timestamp();
    END IF;
  END IF;
  IF wanted <> OLD.status OR (content_changed AND wanted = 'approved') THEN
    changed.next_run_at := NULL; changed.waiting := NULL; changed.lease_until := NULL;
  END IF;
  -- What was prepared is discarded: it holds the old content, or is not wanted for now.
  IF content_changed OR wanted IN ('draft', 'in_review', 'cancelled') THEN
    changed.prepared_at := NULL;
    IF OLD.prepared_at IS NOT NULL THEN
      UPDATE social_publisher.publish_attempts SET state = 'abandoned', reserved = 0, settled_at = clock_timestamp()
        WHERE post_id = OLD.id AND state = 'prepared' AND resting;
    END IF;
  END IF;
  IF wanted = 'approved' AND OLD.status IN ('draft', 'in_review', 'failed', 'missed') THEN
    changed.approved_at := clock_timestamp();
    changed.error := NULL; changed.attention := NULL; changed.tries := 0;
  END IF;
  -- Nobody needs to look at what was called off; why it had failed stays readable.
  IF wanted = 'cancelled' THEN
    changed.attention := NULL;
  END IF;
  changed.status := wanted;
  RETURN social_publisher.touch_if_changed(OLD, changed);
END $$;

-- Looks, leases and tries that nobody outside sees are no news: pollers of updated_at would read every draft daily.
CREATE FUNCTION social_publisher.accept_internal_write() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  told social_publisher.social_posts := NEW;
BEGIN
  NEW.internal_write := NULL;
  told.internal_write := OLD.internal_write; told.verify_at := OLD.verify_at;
  told.verifications := OLD.verifications; told.seen_at := OLD.seen_at; told.missing_at := OLD.missing_at;
  told.change_at := OLD.change_at; told.lease_until := OLD.lease_until;
  IF told IS DISTINCT FROM OLD THEN
    NEW.updated_at := clock_timestamp();
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION social_publisher.guard_post_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_RELID <> 'social_publisher.social_posts'::regclass THEN
    RAISE EXCEPTION 'guard_post_delete() belongs to social_publisher.social_posts, not to %', TG_RELID::regclass;
  END IF;
  IF EXISTS (SELECT FROM social_publisher.publish_attempts a WHERE a.post_id = OLD.id) THEN
    PERFORM social_publisher.refuse(format('the post is %s and has attempts: it cannot be deleted', OLD.status));
  END IF;
  RETURN OLD;
END $$;

CREATE FUNCTION social_publisher.refuse_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM social_publisher.refuse('posts cannot be truncated: what was sent must stay known');
  RETURN NULL;
END $$;

CREATE FUNCTION social_publisher.record_created_posts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_RELID <> 'social_publisher.social_posts'::regclass THEN
    RAISE EXCEPTION 'record_created_posts() belongs to social_publisher.social_posts, not to %', TG_RELID::regclass;
  END IF;
  INSERT INTO social_publisher.events (tenant_id, post_id, integration_id, type, from_status, to_status, version, data, at)
  SELECT n.tenant_id, n.id, n.integration_id, 'post.' || n.status, NULL, n.status, n.version,
         jsonb_strip_nulls(jsonb_build_object('reference', n.reference)), clock_timestamp()
  FROM new_posts n;
  IF EXISTS (SELECT FROM new_posts n WHERE n.status = 'approved') THEN
    PERFORM pg_notify('social_publisher_posts', '');
  END IF;
  RETURN NULL;
END $$;

-- The plan is kept from the session's first statement, often of one row: a nested loop over ten thousand would follow,
-- hence `enable_nestloop`. With it off, any join that only a nested loop can do (a lateral one, say) costs ten billion,
-- and PostgreSQL compiles the statement anew at every call: so the one join here is a hash join, and what a post tells
-- is unnested beside it. `jit` is off for writers on connections that are not ours.
CREATE FUNCTION social_publisher.record_changed_posts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off SET jit = off AS $$
BEGIN
  -- It writes events with its owner's rights: on a table of somebody else's it would write what they like.
  IF TG_RELID <> 'social_publisher.social_posts'::regclass THEN
    RAISE EXCEPTION 'record_changed_posts() belongs to social_publisher.social_posts, not to %', TG_RELID::regclass;
  END IF;
  INSERT INTO social_publisher.events
    (tenant_id, post_id, integration_id, type, from_status, to_status, version, data, at)
  SELECT x.tenant_id, x.id, x.integration_id, 'post.' || x.what, x.from_status, x.status, x.version,
         jsonb_strip_nulls(jsonb_build_object('reference', x.reference, 'external_id', x.external_id,
           'publish_url', x.publish_url, 'waiting', x.waiting, 'error', x.error, 'attention', x.attention,
           'prepared_at', x.prepared_at, 'change', CASE WHEN starts_with(x.what, 'change_') THEN x.change END,
           'scheduled_at', CASE WHEN x.what = 'rescheduled' THEN x.scheduled_at END)),
         clock_timestamp()
  FROM (
    SELECT n.tenant_id, n.id, n.integration_id, o.status AS from_status, n.status, n.version, n.reference,
      n.external_id, n.publish_url, n.waiting, n.error, n.attention, n.prepared_at, n.change, n.scheduled_at,
      unnest(ARRAY[
        -- Besides the status: what became of a change at the provider, or a time that a person moved there.
        CASE
          WHEN n.change ->> 'state' IS NOT NULL AND n.change IS DISTINCT FROM o.change THEN
            CASE n.change ->> 'state' WHEN 'pending' THEN 'change_requested' ELSE 'change_' || (n.change ->> 'state') END
          WHEN n.status = 'scheduled' AND o.status = 'scheduled' AND n.version > o.version
            AND n.change IS NOT DISTINCT FROM o.change AND n.scheduled_at IS DISTINCT FROM o.scheduled_at THEN
            'rescheduled'
        END,
        -- And a question that came up.
        CASE
          WHEN n.status <> o.status THEN n.status
          WHEN n.attention ->> 'reason' IS NOT NULL
            AND n.attention ->> 'reason' IS DISTINCT FROM o.attention ->> 'reason' THEN 'attention'
        END
      ]) AS what
    FROM new_posts n JOIN old_posts o ON o.id = n.id
  ) x
  WHERE x.what IS NOT NULL;
  -- Only what nobody planned yet wakes the schedulers; our own writes plan as they go.
  IF EXISTS (SELECT FROM new_posts n WHERE n.status = 'approved' AND n.next_run_at IS NULL) THEN
    PERFORM pg_notify('social_publisher_posts', '');
  END IF;
  RETURN NULL;
END $$;

-- What became of a connection: an event in any case, and a notice to the tenant's people when it leaves `active`. Each
-- notice waits a little, for others that fall with it to go in the same mail, and for the account that is only out of
-- sight to come back; one that comes and goes is not told twice a day.
CREATE FUNCTION social_publisher.record_integration() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  before text;
  what text := 'connected';
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.status <> 'active' AND NEW.status = OLD.status THEN
      RETURN NULL;
    END IF;
    -- New is one that never had a token that was proven.
    before := CASE WHEN OLD.connected_at IS NOT NULL OR NEW.status <> OLD.status THEN OLD.status END;
    IF NEW.status <> 'active' THEN
      what := NEW.status;
    ELSIF OLD.status <> 'active' AND NEW.sealed_token IS NOT DISTINCT FROM OLD.sealed_token THEN
      what := 'recovered';
    END IF;
  END IF;
  INSERT INTO social_publisher.events (tenant_id, integration_id, type, from_status, to_status, data, at)
  VALUES (NEW.tenant_id, NEW.id, 'integration.' || what, before, NEW.status,
    jsonb_strip_nulls(jsonb_build_object('error', NEW.error)), clock_timestamp());
  IF NEW.status IN ('needs_reconnect', 'needs_permission', 'blocked') THEN
    INSERT INTO social_publisher.notices (integration_id, kind, about, next_at)
    SELECT NEW.id, NEW.status, clock_timestamp(), clock_timestamp() + CASE
      WHEN NEW.error ->> 'key' = 'account_not_visible' THEN interval '5 minutes' ELSE interval '30 seconds' END
    WHERE NOT EXISTS (SELECT FROM social_publisher.notices n
      WHERE n.integration_id = NEW.id AND n.kind = NEW.status AND n.state <> 'dropped'
        AND n.about > greatest(NEW.connected_at, clock_timestamp() - interval '12 hours'));
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER a_guard_insert BEFORE INSERT ON social_publisher.social_posts
  FOR EACH ROW EXECUTE FUNCTION social_publisher.guard_post_insert();
CREATE TRIGGER a_guard_update BEFORE UPDATE ON social_publisher.social_posts
  FOR EACH ROW WHEN (NEW.internal_write IS NOT TRUE) EXECUTE FUNCTION social_publisher.guard_post_update();
CREATE TRIGGER a_internal_update BEFORE UPDATE ON social_publisher.social_posts
  FOR EACH ROW WHEN (NEW.internal_write) EXECUTE FUNCTION social_publisher.accept_internal_write();
CREATE TRIGGER a_guard_delete BEFORE DELETE ON social_publisher.social_posts
  FOR EACH ROW EXECUTE FUNCTION social_publisher.guard_post_delete();
CREATE TRIGGER a_guard_truncate BEFORE TRUNCATE ON social_publisher.social_posts
  FOR EACH STATEMENT EXECUTE FUNCTION social_publisher.refuse_truncate();
CREATE TRIGGER b_record_created AFTER INSERT ON social_publisher.social_posts
  REFERENCING NEW TABLE AS new_posts
  FOR EACH STATEMENT EXECUTE FUNCTION social_publisher.record_created_posts();
CREATE TRIGGER b_record_changed AFTER UPDATE ON social_publisher.social_posts
  REFERENCING OLD TABLE AS old_posts NEW TABLE AS new_posts
  FOR EACH STATEMENT EXECUTE FUNCTION social_publisher.record_changed_posts();

CREATE TRIGGER record_new AFTER INSERT ON social_publisher.integrations
  FOR EACH ROW WHEN (NEW.connected_at IS NOT NULL) EXECUTE FUNCTION social_publisher.record_integration();
CREATE TRIGGER record_changed AFTER UPDATE ON social_publisher.integrations
  FOR EACH ROW WHEN ((NEW.status, NEW.connected_at) IS DISTINCT FROM (OLD.status, OLD.connected_at))
  EXECUTE FUNCTION social_publisher.record_integration();

-- A new function may be executed by everybody, and a trigger function put onto anybody's table. Triggers that are there
-- go on firing: that asks for no right. The default of `id` does, so calendars are granted uuid_v7() by name.
-- Each by its name: one that somebody else made in our schema would make `ALL FUNCTIONS` fail.
REVOKE ALL ON FUNCTION
  social_publisher.uuid_v7(),
  social_publisher.refuse(text),
  social_publisher.refuse_oversize(social_publisher.social_posts, social_publisher.social_posts),
  social_publisher.touch_if_changed(social_publisher.social_posts, social_publisher.social_posts),
  social_publisher.is_untouchable(timestamptz),
  social_publisher.accept_internal_write(),
  social_publisher.refuse_truncate(),
  social_publisher.guard_post_insert(),
  social_publisher.guard_post_update(),
  social_publisher.guard_post_delete(),
  social_publisher.record_created_posts(),
  social_publisher.record_changed_posts(),
  social_publisher.record_integration()
FROM PUBLIC;
