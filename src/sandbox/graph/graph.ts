import type { Fault } from '../world/faults.ts';
import { livingPhoto } from '../world/life.ts';
import type { Page, Photo, Post, User } from '../world/model.ts';
import { weatherOf } from '../world/weather.ts';
import type { World } from '../world/world.ts';
import {
  answerPermissions,
  pageView,
  personView,
  readAccounts,
  readApp,
  readPage,
  userMeant,
} from './account.ts';
import {
  readAdAccount,
  readAdAccounts,
  readBusiness,
  readBusinesses,
  readInstagram,
} from './assets.ts';
import { type Call, GraphError, unknownPath, unsupportedRequest } from './call.ts';
import { changePost, deletePost } from './changes.ts';
import { createPost } from './feed.ts';
import { project } from './fields.ts';
import { photoType, postType, userType } from './nodes.ts';
import { createPhoto, deletePhoto } from './photos.ts';
import { askedFields, isPostEdge, readPosts } from './reads.ts';
import {
  type Caller,
  requireEdgeScope,
  requireManaging,
  requirePosting,
  requireReading,
} from './tokens.ts';

/** Routes one authenticated call to what it asks for. Throws GraphError for every refusal. */
export async function answerGraph(
  world: World,
  caller: Caller,
  call: Call,
  fault: Fault | null,
): Promise<object> {
  const [first = '', edge] = call.segments;
  const id = first === 'me' ? (caller.token.pageId ?? caller.token.userId) : first;
  if (call.segments.length > 2 && edge !== 'permissions')
    throw unknownPath(`/${call.segments.slice(2).join('/')}`);
  const page = world.pages.get(id);
  if (page !== undefined) return answerPage(world, caller, call, page, edge, fault);
  const post = world.posts.get(id);
  if (post !== undefined) return answerPost(world, caller, call, post, edge);
  const photo = livingPhoto(world, id);
  if (photo !== undefined) return answerPhoto(world, caller, call, photo, edge);
  const user = first === 'me' ? world.users.get(id) : userMeant(world, caller, id);
  if (user !== undefined) return answerUser(world, user, caller, call, edge);
  const other = call.method === 'GET' ? readOther(world, caller, call, id, edge) : null;
  if (other !== null) return other;
  throw notFound(call, id);
}

/** What is read only. */
function readOther(
  world: World,
  caller: Caller,
  call: Call,
  id: string,
  edge: string | undefined,
): object | null {
  const business = world.businesses.get(id);
  if (business !== undefined) {
    return readBusiness(world, business, caller, call, edge, (page) =>
      pageView(world, page, caller, true),
    );
  }
  if (edge !== undefined) return null;
  const adAccount = world.adAccounts.get(/^act_(\d+)$/.exec(id)?.[1] ?? '');
  if (adAccount !== undefined) return readAdAccount(world, adAccount, caller, call);
  const instagram = world.instagramAccounts.get(id);
  if (instagram !== undefined) return readInstagram(world, instagram, caller, call);
  const app = world.apps.get(id);
  return app === undefined ? null : readApp(world, app, caller, call);
}

function notFound(call: Call, id: string): GraphError {
  if (id === '')
    return new GraphError('Unsupported request to the root of the Graph API', { code: 2500 });
  if (/^\d+(_\d+)?$/.test(id)) return unsupportedRequest(call.method, id);
  return new GraphError(`(#803) Some of the aliases you requested do not exist: ${id}`, {
    code: 803,
    status: 404,
  });
}

async function answerPage(
  world: World,
  caller: Caller,
  call: Call,
  page: Page,
  edge: string | undefined,
  fault: Fault | null,
): Promise<object> {
  if (edge === undefined) {
    if (call.method === 'GET') return readPage(world, page, caller, call);
    throw unsupportedRequest(call.method, page.id);
  }
  if (call.method === 'GET' && isPostEdge(edge)) {
    requireReading(caller, page);
    requireEdgeScope(caller, weatherOf(world, page).edge_scopes[edge]);
    return readPosts(world, page, edge, call);
  }
  if (call.method === 'POST' && edge === 'feed') {
    requirePosting(caller, page);
    const post = createPost(world, page, call, caller.app.id, fault);
    return { ...readBack(world, post, call), id: post.id };
  }
  if (call.method === 'POST' && edge === 'photos') {
    requirePosting(caller, page);
    return createPhoto(world, page, call, caller.app.id);
  }
  if (isPostEdge(edge) || edge === 'photos') throw unsupportedRequest(call.method, page.id);
  throw unknownPath(`/${edge}`);
}

/** `fields` on a creating call is judged after the effect: a wrong name is an error about a post that exists. */
function readBack(world: World, post: Post, call: Call): object {
  try {
    const fields = askedFields(call.params, postType);
    return fields === null ? {} : project(postType, { world, post }, fields);
  } catch (error) {
    if (error instanceof GraphError) throw new GraphError(error.message, error.fields, true);
    throw error;
  }
}

/** Meta's servers do not all know a new object at once; by its id it then is not there. */
function isFresh(world: World, page: Page, { createdAt }: Post | Photo): boolean {
  return world.clock.now() - createdAt < weatherOf(world, page).node_lag_ms;
}

function answerPost(
  world: World,
  caller: Caller,
  call: Call,
  post: Post,
  edge: string | undefined,
): object {
  const page = world.pages.get(post.pageId);
  const gone = post.visibility === 'deleted' || post.visibility === 'vanished';
  const foreign = caller.token.type === 'page' && caller.token.pageId !== post.pageId;
  if (page === undefined || gone || foreign || isFresh(world, page, post))
    throw unsupportedRequest(call.method, post.id);
  if (edge !== undefined) throw unknownPath(`/${edge}`);
  if (call.method === 'GET') {
    requireReading(caller, page);
    return project(postType, { world, post }, askedFields(call.params, postType));
  }
  requireManaging(caller, page, post.appId);
  if (call.method === 'POST') return changePost(world, page, post, call);
  if (call.method === 'DELETE') return deletePost(world, post, call);
  throw unsupportedRequest(call.method, post.id);
}

function answerPhoto(
  world: World,
  caller: Caller,
  call: Call,
  photo: Photo,
  edge: string | undefined,
): object {
  const page = world.pages.get(photo.pageId);
  const foreign = caller.token.type === 'page' && caller.token.pageId !== photo.pageId;
  if (page === undefined || foreign || isFresh(world, page, photo))
    throw unsupportedRequest(call.method, photo.id);
  if (edge !== undefined) throw unknownPath(`/${edge}`);
  if (call.method === 'GET') {
    requireReading(caller, page);
    return project(photoType, { world, photo }, askedFields(call.params, photoType));
  }
  requireManaging(caller, page, photo.appId);
  if (call.method === 'DELETE') return deletePhoto(world, photo, call);
  throw unsupportedRequest(call.method, photo.id);
}

function answerUser(
  world: World,
  user: User,
  caller: Caller,
  call: Call,
  edge: string | undefined,
): object {
  if (edge === 'permissions') return answerPermissions(world, user, caller, call);
  if (call.method !== 'GET') throw unsupportedRequest(call.method, user.id);
  if (edge === undefined) {
    return project(
      userType,
      personView(world, user, caller.app),
      askedFields(call.params, userType),
    );
  }
  if (edge === 'accounts') return readAccounts(world, user, caller, call);
  if (edge === 'businesses') return readBusinesses(world, user, caller, call);
  if (edge === 'adaccounts') return readAdAccounts(world, user, caller, call);
  throw unknownPath(`/${edge}`);
}
