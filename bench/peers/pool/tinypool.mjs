import { Tinypool } from 'tinypool';

import tasks from './tasks.js';

export const { echo, increment, work } = tasks;
export const moved = (bytes) => Tinypool.move(bytes);
