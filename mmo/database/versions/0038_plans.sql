-- Functions that a movement calls keep their plans: planned anew for each call, the facts took ten times as long as they run.
-- Their arguments are arrays and ids, so that a plan made for one call is as good for another.

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p
              WHERE p.pronamespace = 'movements'::regnamespace AND p.proname IN ('facts', 'post', 'originals', 'take_back')
                 OR p.pronamespace = 'bep'::regnamespace AND p.proname IN ('facts', 'need_roles', 'need_velocity', 'need_table', 'need_tasks')
                 OR p.pronamespace = 'changes'::regnamespace AND p.proname = 'facts'
                 OR p.pronamespace = 'approvals'::regnamespace AND p.proname IN ('roles_of', 'close') LOOP
        EXECUTE format('ALTER FUNCTION %s SET plan_cache_mode = force_generic_plan', f);
    END LOOP;
END $$;
