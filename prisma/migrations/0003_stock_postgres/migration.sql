-- The plan is kept from the session's first statement, often of one row: a nested loop over ten thousand would follow,
-- hence `enable_nestloop`. With it off, any join that only a nested loop can do (a lateral one, say) costs ten billion,
-- and PostgreSQL compiles the statement anew at every call: so the one join here is a hash join, and what a post tells
-- is unnested beside it. `jit` is off for writers on connections that are not ours.
CREATE OR REPLACE FUNCTION social_publisher.record_changed_posts() RETURNS trigger
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
           'change', CASE WHEN starts_with(x.what, 'change_') THEN x.change END,
           'scheduled_at', CASE WHEN x.what = 'rescheduled' THEN x.scheduled_at END)),
         clock_timestamp()
  FROM (
    SELECT n.tenant_id, n.id, n.integration_id, o.status AS from_status, n.status, n.version, n.reference,
      n.external_id, n.publish_url, n.waiting, n.error, n.attention, n.change, n.scheduled_at,
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
REVOKE ALL ON FUNCTION social_publisher.record_changed_posts() FROM PUBLIC;
