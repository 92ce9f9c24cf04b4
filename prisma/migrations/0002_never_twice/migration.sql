-- Unknown outcomes: a look at the provider is due at look_at; looks counts the complete ones that found nothing.
ALTER TABLE social_publisher.publish_attempts
  ADD COLUMN looks integer NOT NULL DEFAULT 0,
  ADD COLUMN look_at timestamptz(3),
  ADD COLUMN evidence jsonb NOT NULL DEFAULT '[]';
CREATE INDEX publish_attempts_look ON social_publisher.publish_attempts (look_at) WHERE state = 'unknown';
-- Staged media that nothing may use any more; there look_at is when they are next to be deleted.
CREATE INDEX publish_attempts_leftovers ON social_publisher.publish_attempts (look_at)
  WHERE state IN ('prepared', 'rejected', 'abandoned') AND staged <> '[]';

-- resend: false once somebody said that an unknown post must not be sent again.
-- change: an edit or a delete at the provider, made by a worker; change_at: when it is next tried.
-- seen_at: when the provider last showed the post; missing_at: since when it says that there is none.
ALTER TABLE social_publisher.social_posts
  ADD COLUMN resend boolean NOT NULL DEFAULT true,
  ADD COLUMN change_at timestamptz(3),
  ADD COLUMN seen_at timestamptz(3),
  ADD COLUMN missing_at timestamptz(3);
CREATE INDEX social_posts_change ON social_publisher.social_posts (change_at) WHERE change_at IS NOT NULL;

-- How full the provider said its own budget is, and when an integration that a person may heal there is tried again.
ALTER TABLE social_publisher.integrations
  ADD COLUMN usage_percent integer,
  ADD COLUMN usage_at timestamptz(3),
  ADD COLUMN probe_at timestamptz(3);

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
ALTER TABLE social_publisher.instance
  ADD COLUMN system_identifier text,
  ADD COLUMN timeline_id integer,
  ADD COLUMN public_url text,
  ADD COLUMN graph_host text,
  -- Oids of the database and of this table: a dump that is read back into the same server changes nothing else.
  ADD COLUMN database_id text,
  ADD COLUMN fenced_at timestamptz(3),
  ADD COLUMN fence_reason text,
  -- What the process that fenced was configured with.
  ADD COLUMN fence_seen jsonb,
  -- The progress and the result of the last unfencing.
  ADD COLUMN unfencing jsonb;

CREATE OR REPLACE FUNCTION social_publisher.guard_post_update() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, social_publisher, pg_temp AS $$
DECLARE
  content_changed boolean :=
    (NEW.message, NEW.link, NEW.media, NEW.publish_mode, NEW.scheduled_at, NEW.integration_id)
    IS DISTINCT FROM (OLD.message, OLD.link, OLD.media, OLD.publish_mode, OLD.scheduled_at, OLD.integration_id);
  was_sent boolean := OLD.status IN ('published', 'scheduled', 'drafted', 'unknown');
  wanted text := NEW.status;
  changed social_posts := OLD;
BEGIN
  IF (NEW.id, NEW.tenant_id) IS DISTINCT FROM (OLD.id, OLD.tenant_id) THEN
    PERFORM refuse(format('the id and the tenant of a post cannot change (status %s)', OLD.status));
  END IF;
  -- The sender locks this row before it commits an attempt as sent, and so did we: what is read here holds.
  -- Only a transaction that keeps an older snapshot would miss it; locking the attempt makes that one fail (40001).
  IF NOT was_sent AND current_setting('transaction_isolation') <> 'read committed' THEN
    PERFORM FROM publish_attempts a
      WHERE a.post_id = OLD.id AND a.state IN ('prepared', 'sent', 'unknown', 'confirmed') FOR SHARE;
  END IF;
  was_sent := was_sent OR EXISTS (
    SELECT FROM publish_attempts a WHERE a.post_id = OLD.id AND a.state IN ('sent', 'unknown', 'confirmed'));

  -- Everything that is not the author's stays as it is, whatever the statement says.
  changed.reference := NEW.reference; changed.metadata := NEW.metadata;

  IF was_sent THEN
    IF content_changed THEN
      PERFORM refuse(format('the post is %s: its content can no longer change', OLD.status));
    END IF;
    -- Of an unknown post, cancel means: whatever is found, do not send it again.
    IF wanted = 'cancelled' AND OLD.status = 'unknown' THEN
      changed.resend := false;
      -- Where looking had ended with a question, the next look ends it.
      IF OLD.resend THEN
        UPDATE publish_attempts SET look_at = clock_timestamp() WHERE post_id = OLD.id AND state = 'unknown';
      END IF;
      RETURN touch_if_changed(OLD, changed);
    END IF;
    -- Of one that the provider holds, cancel asks a worker to delete it there first.
    IF wanted = 'cancelled' AND OLD.status IN ('scheduled', 'drafted') THEN
      -- Around its time it is the provider's; one that did not go live then can be called off again.
      IF OLD.status = 'scheduled' AND OLD.change ->> 'state' IS DISTINCT FROM 'pending'
        AND OLD.scheduled_at BETWEEN clock_timestamp() - interval '10 minutes' AND clock_timestamp() + interval '5 minutes' THEN
        PERFORM refuse('the post is scheduled and due within 5 minutes, or was just now: it can no longer be cancelled');
      END IF;
      IF OLD.change ->> 'state' IS DISTINCT FROM 'pending' THEN
        changed.change := jsonb_build_object('kind', 'cancel', 'state', 'pending', 'error', NULL,
          'requested_at', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));
        changed.change_at := clock_timestamp();
      ELSIF OLD.change ->> 'kind' <> 'cancel' THEN
        PERFORM refuse('an edit of the post is under way at the network: cancel it once that is done');
      END IF;
      RETURN touch_if_changed(OLD, changed);
    END IF;
    IF wanted NOT IN (OLD.status, 'approved') THEN
      PERFORM refuse(format('the post is %s: it cannot become %s', OLD.status, wanted));
    END IF;
    RETURN touch_if_changed(OLD, changed);
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
    PERFORM refuse(format('the post is %s: it cannot become %s', OLD.status, wanted));
  END IF;
  IF content_changed AND OLD.status = 'cancelled' THEN
    PERFORM refuse('the post is cancelled: its content can no longer change');
  END IF;

  changed.message := NEW.message; changed.link := NEW.link; changed.media := NEW.media;
  changed.publish_mode := NEW.publish_mode; changed.scheduled_at := NEW.scheduled_at;
  changed.scheduled_local := NEW.scheduled_local; changed.timezone := NEW.timezone;
  IF NEW.integration_id <> OLD.integration_id THEN
    changed.integration_id := NEW.integration_id;
    SELECT i.provider INTO changed.provider FROM integrations i WHERE i.id = NEW.integration_id;
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
  IF wanted = 'approved' AND OLD.status IN ('draft', 'in_review', 'failed', 'missed') THEN
    changed.approved_at := clock_timestamp();
    changed.error := NULL; changed.attention := NULL; changed.tries := 0;
  END IF;
  -- Nobody needs to look at what was called off; why it had failed stays readable.
  IF wanted = 'cancelled' THEN
    changed.attention := NULL;
  END IF;
  changed.status := wanted;
  RETURN touch_if_changed(OLD, changed);
END $$;

-- Besides the status: what became of a change at the provider, a time that a person moved there, and a question that
-- came up. The plan is kept from the session's first statement, often of one row: a nested loop over ten thousand
-- would follow.
CREATE OR REPLACE FUNCTION social_publisher.record_changed_posts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, social_publisher, pg_temp
SET enable_nestloop = off AS $$
BEGIN
  INSERT INTO events (tenant_id, post_id, integration_id, type, from_status, to_status, version, data, at)
  SELECT n.tenant_id, n.id, n.integration_id, 'post.' || t.what, o.status, n.status, n.version,
         jsonb_strip_nulls(jsonb_build_object('reference', n.reference, 'external_id', n.external_id,
           'publish_url', n.publish_url, 'waiting', n.waiting, 'error', n.error, 'attention', n.attention,
           'change', CASE WHEN t.tells_change THEN n.change END,
           'scheduled_at', CASE WHEN t.what = 'rescheduled' THEN n.scheduled_at END)),
         clock_timestamp()
  FROM new_posts n JOIN old_posts o ON o.id = n.id
  CROSS JOIN LATERAL (VALUES
    (CASE n.change ->> 'state' WHEN 'pending' THEN 'change_requested' ELSE 'change_' || (n.change ->> 'state') END,
      n.change ->> 'state' IS NOT NULL AND n.change IS DISTINCT FROM o.change, true),
    ('rescheduled', n.status = 'scheduled' AND o.status = 'scheduled' AND n.version > o.version
      AND n.change IS NOT DISTINCT FROM o.change AND n.scheduled_at IS DISTINCT FROM o.scheduled_at, false),
    ('attention', n.status = o.status AND n.attention ->> 'reason' IS NOT NULL
      AND n.attention ->> 'reason' IS DISTINCT FROM o.attention ->> 'reason', false),
    (n.status, n.status <> o.status, false)) AS t (what, holds, tells_change)
  WHERE t.holds;
  -- Only what nobody planned yet wakes the schedulers; our own writes plan as they go.
  IF EXISTS (SELECT FROM new_posts n WHERE n.status = 'approved' AND n.next_run_at IS NULL) THEN
    PERFORM pg_notify('social_publisher_posts', '');
  END IF;
  RETURN NULL;
END $$;

-- Looks, leases and tries that nobody outside sees are no news: pollers of updated_at would read every draft daily.
CREATE OR REPLACE FUNCTION social_publisher.accept_internal_write() RETURNS trigger LANGUAGE plpgsql AS $$
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

-- Until now a post was read back once: those that the network still holds are looked at again, within the hour.
UPDATE social_publisher.social_posts
SET internal_write = true, verify_at = clock_timestamp() + random() * interval '1 hour'
WHERE status IN ('scheduled', 'drafted') AND external_id IS NOT NULL AND verify_at IS NULL;
