-- The link goes to the end of the text instead of being sent as a link of its own: photos may stand beside it then.
ALTER TABLE social_publisher.social_posts ADD COLUMN append_link boolean NOT NULL DEFAULT false;

-- A function that runs with its owner's rights must run nobody else's code. So each says first on which table it stands,
-- before it touches the row: on a table of an attacker's, the types of the columns bring checks and casts of theirs,
-- which a DECLARE that reads NEW or OLD would run already. And its search path holds no schema that anybody else could
-- be allowed to create in: a `format` of theirs that fits better than the built-in one would be called instead.

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

CREATE OR REPLACE FUNCTION social_publisher.guard_post_insert() RETURNS trigger
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
  NEW.waiting := NULL; NEW.change := NULL; NEW.published_at := NULL; NEW.lateness_ms := NULL;
  NEW.internal_write := NULL;
  NEW.approved_at := CASE WHEN NEW.status = 'approved' THEN clock_timestamp() END;
  NEW.created_at := clock_timestamp(); NEW.updated_at := NEW.created_at;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION social_publisher.guard_post_update() RETURNS trigger
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
      -- Around its time it is the provider's; one that did not go live then can be called off again.
      IF OLD.status = 'scheduled' AND OLD.change ->> 'state' IS DISTINCT FROM 'pending'
        AND OLD.scheduled_at BETWEEN clock_timestamp() - interval '10 minutes' AND clock_timestamp() + interval '5 minutes' THEN
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

CREATE OR REPLACE FUNCTION social_publisher.guard_post_delete() RETURNS trigger
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

CREATE OR REPLACE FUNCTION social_publisher.record_created_posts() RETURNS trigger
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

-- These run with the rights of whoever calls them, which is the program, and its session's search path is anybody's guess.
ALTER FUNCTION social_publisher.uuid_v7() SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION social_publisher.refuse(text) SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION social_publisher.touch_if_changed(social_publisher.social_posts, social_publisher.social_posts)
  SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION social_publisher.accept_internal_write() SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION social_publisher.refuse_truncate() SET search_path = pg_catalog, pg_temp;

-- A new function may be executed by everybody, and a trigger function put onto anybody's table. Triggers that are there
-- go on firing: that asks for no right. The default of `id` does, so calendars are granted uuid_v7() by name.
-- Each by its name: one that somebody else made in our schema would make `ALL FUNCTIONS` fail.
REVOKE ALL ON FUNCTION
  social_publisher.uuid_v7(),
  social_publisher.refuse(text),
  social_publisher.refuse_oversize(social_publisher.social_posts, social_publisher.social_posts),
  social_publisher.touch_if_changed(social_publisher.social_posts, social_publisher.social_posts),
  social_publisher.accept_internal_write(),
  social_publisher.refuse_truncate(),
  social_publisher.guard_post_insert(),
  social_publisher.guard_post_update(),
  social_publisher.guard_post_delete(),
  social_publisher.record_created_posts(),
  social_publisher.record_changed_posts()
FROM PUBLIC;
