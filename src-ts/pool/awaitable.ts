/** What can be awaited, but also be waited for in another way. */

export abstract class Awaitable<T> implements PromiseLike<T> {
  /** A promise of it; made when somebody asks, so that an error that nobody asks for is none. */
  protected abstract promise(): Promise<T>;

  then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.promise().then(fulfilled, rejected);
  }

  catch<B = never>(rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.promise().catch(rejected);
  }

  finally(done?: (() => void) | null): Promise<T> {
    return this.promise().finally(done);
  }
}
